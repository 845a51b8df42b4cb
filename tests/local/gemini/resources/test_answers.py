from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable

import pytest

from local.gemini.clock import ManualClock
from local.gemini.resources.document_text import pages_of
from local.gemini.resources.ranking import terms
from local.gemini.settings import Settings
from local.gemini.simulator import Simulator
from local.gemini.wire.messages import Json
from tests.local.gemini.conftest import Wireless

Put = Callable[..., str]
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def picture(text: str) -> bytes:
    return PNG + chunk(b"iTXt", b"Description\0\0\0en\0\0" + text.encode()) + chunk(b"IEND", b"")


def packed(**parts: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def pdf(*pages: str, deflated: bool = False) -> bytes:
    parts = [b"%PDF-1.4\n"]
    for page in pages:
        content = f"BT ({page}) Tj ET".encode()
        content = zlib.compress(content) if deflated else content
        kind = b"/Filter /FlateDecode " if deflated else b""
        parts.append(b"1 0 obj\n<< " + kind + b">>\nstream\n" + content + b"\nendstream\nendobj\n")
    return b"".join(parts)


@pytest.fixture
def store(wireless: Wireless) -> str:
    model = {"displayName": "Docs", "embeddingModel": "models/gemini-embedding-2"}
    return str(wireless.ask("POST", "/v1beta/fileSearchStores", model)["name"])


@pytest.fixture
def put(wireless: Wireless, clock: ManualClock, store: str) -> Put:
    def run(path: str, data: bytes, mime_type: str = "text/plain") -> str:
        file = wireless.upload(data, mimeType=mime_type)
        clock.advance(1)
        metadata = [{"key": "path", "stringValue": path}]
        body = {"fileName": file["name"], "customMetadata": metadata}
        wireless.ask("POST", f"/v1beta/{store}:importFile", body)
        clock.advance(60)
        return str(file["name"].removeprefix("files/"))

    return run


def ask(wireless: Wireless, store: str, question: str, **more: object) -> Json:
    search = {"fileSearchStoreNames": [store]}
    body = {
        "contents": [{"parts": [{"text": question}]}],
        "tools": [{"fileSearch": search}],
        **more,
    }
    return wireless.ask("POST", "/v1beta/models/gemini-2.5-flash:generateContent", body)


def cited(reply: Json) -> list[Json]:
    grounding = reply["candidates"][0].get("groundingMetadata", {})
    found = grounding.get("groundingChunks", [])
    return [
        found[index]["retrievedContext"]
        for support in grounding.get("groundingSupports", [])
        for index in support["groundingChunkIndices"]
    ]


def retrieved(reply: Json) -> list[str]:
    grounding = reply["candidates"][0].get("groundingMetadata", {})
    return [
        each["retrievedContext"]["customMetadata"][0]["stringValue"]
        for each in grounding.get("groundingChunks", [])
    ]


def test_a_passage_that_only_shares_a_word_is_found_and_supports_nothing(
    wireless: Wireless, put: Put, store: str
) -> None:
    raw = put("mending.md", b"Sails are mended with waxed thread.\nNever sew a crease.")
    put("harbour.md", b"The sails of the ferry are grey in the morning fog of the old harbour.")

    reply = ask(wireless, store, "Which thread mends a torn sail?")

    assert retrieved(reply) == ["mending.md", "harbour.md"]
    (source,) = cited(reply)
    assert source["title"] == raw
    assert source["fileSearchStore"] == store
    (support,) = reply["candidates"][0]["groundingMetadata"]["groundingSupports"]
    sentence = "Sails are mended with waxed thread."
    assert support["segment"] == {"endIndex": len(sentence), "text": sentence}
    assert reply["candidates"][0]["content"]["parts"] == [{"text": sentence}]


def test_what_shares_too_little_is_no_answer(wireless: Wireless, put: Put, store: str) -> None:
    put("harbour.md", b"The ferry leaves the harbour at noon.")
    reply = ask(wireless, store, "Who painted the harbour of Delft in the seventeenth century?")
    assert retrieved(reply) == ["harbour.md"]
    assert cited(reply) == []


def test_segments_are_counted_in_bytes(wireless: Wireless, put: Put, store: str) -> None:
    put("a.md", "Äpfel kosten die Hälfte.".encode())
    put("b.md", "Äpfel kosten heute wenig.".encode())
    reply = ask(wireless, store, "Was kosten Äpfel?")
    text = reply["candidates"][0]["content"]["parts"][0]["text"].encode()
    for support in reply["candidates"][0]["groundingMetadata"]["groundingSupports"]:
        segment = support["segment"]
        part = text[segment.get("startIndex", 0) : segment["endIndex"]]
        assert part.decode() == segment["text"]
    assert len(cited(reply)) == 2


@pytest.mark.parametrize("deflated", [False, True])
def test_a_passage_of_a_pdf_has_its_page(
    wireless: Wireless, put: Put, store: str, *, deflated: bool
) -> None:
    pages = ("The mole was built of oak.", r"The lamp \(1904\) is electric.")
    put("chronicle.pdf", pdf(*pages, deflated=deflated), "application/pdf")
    (source,) = cited(ask(wireless, store, "When did the lamp become electric?"))
    assert (source["pageNumber"], source["text"]) == (2, "The lamp (1904) is electric.")


def test_a_picture_is_found_by_the_text_in_its_file_and_has_a_media_id(
    wireless: Wireless, put: Put, store: str
) -> None:
    put("light.png", picture("A striped lighthouse at dusk"), "image/png")
    (source,) = cited(ask(wireless, store, "Show a lighthouse at dusk"))
    content = wireless.send("GET", f"/v1beta/{source['mediaId']}?alt=media").body
    assert content == picture("A striped lighthouse at dusk")


def test_the_longest_answer_is_kept_to_and_tokens_are_counted(
    wireless: Wireless, put: Put, store: str
) -> None:
    put("long.md", b"The keeper " + b"walks " * 100 + b"home.")
    reply = ask(
        wireless, store, "Where does the keeper walk?", generationConfig={"maxOutputTokens": 5}
    )
    (candidate,) = reply["candidates"]
    assert (candidate["finishReason"], len(candidate["content"]["parts"][0]["text"])) == (
        "MAX_TOKENS",
        20,
    )
    counts = reply["usageMetadata"]
    assert counts["candidatesTokenCount"] == 5
    assert counts["toolUsePromptTokenCount"] > 100
    assert counts["totalTokenCount"] == sum(
        counts[f"{name}TokenCount"] for name in ("prompt", "toolUsePrompt", "candidates")
    )


def test_passages_may_come_without_metadata() -> None:
    clock = ManualClock()
    simulator = Simulator(Settings(bare_citations=True), clock=clock)
    wireless = Wireless(simulator)
    store = wireless.store()
    file = wireless.upload(b"The keeper walks home.")
    clock.advance(10)
    body = {"fileName": file["name"], "customMetadata": [{"key": "path", "stringValue": "a"}]}
    wireless.ask("POST", f"/v1beta/{store}:importFile", body)
    clock.advance(100)
    (source,) = cited(ask(wireless, store, "Where does the keeper walk?"))
    simulator.close()
    assert source == {
        "title": file["name"].removeprefix("files/"),
        "text": "The keeper walks home.",
        "fileSearchStore": store,
    }


def test_a_model_of_another_family_and_an_unknown_field_are_refused(
    wireless: Wireless, store: str
) -> None:
    tools = [{"fileSearch": {"fileSearchStoreNames": [store]}}]
    body = {"contents": [{"parts": [{"text": "?"}]}], "tools": tools}
    path = "/v1beta/models/{}:generateContent"
    assert wireless.refused("POST", path.format("text-bison"), body) == (404, "NOT_FOUND")
    refused = wireless.refused("POST", path.format("gemini-2.5-pro"), {**body, "mode": "x"})
    assert refused == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("content", "mime_type", "pages"),
    [
        (b"# One", "text/markdown", [("# One", None)]),
        (b"<p>A &amp; B</p><script>x()</script><p>C</p>", "text/html", [("A & B\nC\n", None)]),
        (
            packed(**{"word/document.xml": "<w:p><w:t>One</w:t></w:p><w:p><w:t>Two</w:t></w:p>"}),
            DOCX,
            [("One\nTwo\n", None)],
        ),
        (
            packed(
                **{
                    "ppt/slides/slide10.xml": "<a:p>Ten</a:p>",
                    "ppt/slides/slide2.xml": "<a:p>Two</a:p>",
                }
            ),
            PPTX,
            [("Two\n", 2), ("Ten\n", 10)],
        ),
        (packed(**{"word/document.xml": "<w:p>One</w:p>"})[:60], DOCX, []),
        (b"\x00\x01\x02", "text/plain", []),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xfe\x00\x06note\xff\xd9", "image/jpeg", [("note", None)]),
        (PNG + chunk(b"tEXt", b"Title\0A boat"), "image/png", [("A boat", None)]),
        (b"no picture", "image/png", []),
    ],
    ids=["text", "html", "docx", "pptx", "cut off", "binary", "jpeg", "png", "no picture"],
)
def test_the_text_of_a_document(
    content: bytes, mime_type: str, pages: list[tuple[str, int | None]]
) -> None:
    assert [(page.text, page.number) for page in pages_of(content, mime_type)] == pages


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mended", "mending"),
        ("ships", "ship"),
        ("stories", "story"),
        ("Äpfel", "äpfel"),
        ("мидии", "мидия"),
        ("warmer", "warm"),
    ],
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert terms(one) == terms(other)
