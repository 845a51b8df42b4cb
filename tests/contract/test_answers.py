"""The adapter that asks Gemini, with the official client against the simulator."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.gemini.clock import ManualClock
from local.gemini.server import serving
from local.gemini.settings import Settings
from local.gemini.simulator import Simulator
from local.gemini.traffic.faults import FaultKind, FaultRule
from local.gemini.wire.routes import Route
from shared.domain.errors import BadRequest, Forbidden, NotFound, OutcomeUnknown, Throttled
from shared.domain.metadata.metadata import MetadataEntry
from shared.gateways.gemini.answering import GeminiAnswers
from shared.gateways.gemini.file_search import GeminiFileSearch
from shared.gateways.ports import Inquiry
from tests.patience import PATIENCE

OWNER = "0f1e2d3c4b5a6978"
PDF = b"%PDF-1.4\n" + b"".join(
    b"1 0 obj\n<< >>\nstream\nBT (" + text + b") Tj ET\nendstream\nendobj\n"
    for text in (b"The mole was built of oak.", b"The lamp is electric since 1904.")
)


class Asked:
    """A store in a simulator with a clock of its own, and the adapter before it."""

    def __init__(self, simulator: Simulator, clock: ManualClock, url: str) -> None:
        self.simulator, self._clock = simulator, clock
        timeout = timedelta(seconds=PATIENCE)
        self.files = GeminiFileSearch("key", base_url=url, timeout=timeout)
        self.answers = GeminiAnswers("key", base_url=url, timeout=timeout)
        self.store = self.files.create_store("Docs", "models/gemini-embedding-2").name
        self._count = 0

    def put(self, path: str, content: bytes, media_type: str, owner: str = OWNER) -> str:
        self._count += 1
        name = f"fss-{self._count:036x}"
        self.files.upload(
            name, io.BytesIO(content), size=len(content), media_type=media_type, display_name=path
        )
        self._clock.advance(10)
        entries = [MetadataEntry("path", path), MetadataEntry("owner", owner)]
        entries += [MetadataEntry("year", 2025.0), MetadataEntry("tags", ("a", "b"))]
        self.files.import_file(self.store, f"files/{name}", entries, None)
        self._clock.advance(100)
        return name

    def inquiry(self, question: str, metadata_filter: str = f'owner="{OWNER}"') -> Inquiry:
        return Inquiry(
            question=question,
            instruction="Answer from the passages.",
            model="gemini-3.5-flash-lite",
            store=self.store,
            metadata_filter=metadata_filter,
            passages=10,
            max_output_tokens=1000,
        )

    def fault(self, kind: FaultKind) -> None:
        self.simulator.faults.add([FaultRule(kind, route=Route.MODELS_GENERATE_CONTENT, times=1)])

    def close(self) -> None:
        self.files.close()
        self.answers.close()


def running(settings: Settings) -> Iterator[Asked]:
    clock = ManualClock()
    simulator = Simulator(settings, clock=clock)
    with pytest.MonkeyPatch.context() as patch, serving(simulator) as url:
        patch.setenv("NO_PROXY", "127.0.0.1")
        asked = Asked(simulator, clock, url)
        yield asked
        asked.close()
    simulator.close()


@pytest.fixture
def asked() -> Iterator[Asked]:
    yield from running(Settings(jitter=0))


def test_a_reply_tells_what_was_found_and_what_supports_it(asked: Asked) -> None:
    name = asked.put("chronicle.pdf", PDF, "application/pdf")
    asked.put(
        "noise.md",
        b"The lamp in the hall of the school is green, and so is its shade.",
        "text/plain",
    )

    reply = asked.answers.ask(asked.inquiry("Since when is the lamp electric?"))

    assert reply.text == "The lamp is electric since 1904."
    assert reply.stopped == ""
    assert len(reply.passages) == 2
    (support,) = reply.supports
    assert support.end == len(reply.text)
    (index,) = support.passages
    passage = reply.passages[index]
    assert (passage.title, passage.page, passage.text) == (name, 2, reply.text)
    assert passage.metadata == {
        "path": "chronicle.pdf",
        "owner": OWNER,
        "year": 2025.0,
        "tags": ("a", "b"),
    }
    assert reply.tokens is not None
    assert reply.tokens.input > 10
    assert reply.tokens.output == 8


def test_a_filter_keeps_foreign_documents_out(asked: Asked) -> None:
    asked.put("theirs.md", b"The lamp is electric.", "text/plain", owner="another")
    reply = asked.answers.ask(asked.inquiry("Is the lamp electric?"))
    assert (reply.passages, reply.supports) == ((), ())
    found = asked.answers.ask(asked.inquiry("Is the lamp electric?", "year=2025"))
    assert len(found.passages) == 1


def test_a_text_that_is_cut_off_says_so(asked: Asked) -> None:
    asked.put("long.md", b"The keeper " + b"walks " * 300, "text/plain")
    inquiry = replace(asked.inquiry("Where does the keeper walk?"), max_output_tokens=3)
    assert asked.answers.ask(inquiry).stopped == "MAX_TOKENS"


def test_a_picture_has_its_media(asked: Asked) -> None:
    picture = b"\xff\xd8\xff\xfe\x00\x13striped lamp room\xff\xd9"
    asked.put("lamp.jpg", picture, "image/jpeg")
    (passage,) = asked.answers.ask(asked.inquiry("striped lamp?")).passages
    assert passage.media is not None
    assert passage.media.startswith(f"{asked.store}/media/")


def test_passages_may_come_without_metadata() -> None:
    for asked in running(Settings(jitter=0, bare_citations=True)):
        name = asked.put("lamp.md", b"The lamp is electric.", "text/plain")
        (passage,) = asked.answers.ask(asked.inquiry("Is the lamp electric?")).passages
        assert (passage.title, passage.metadata) == (name, {})


def test_one_request_is_sent_with_the_search_as_its_only_tool(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    generate = asked.simulator.answers.generate

    def noted(model: str, request: dict[str, Any]) -> dict[str, Any]:
        sent.append(request)
        return generate(model, request)

    monkeypatch.setattr(asked.simulator.answers, "generate", noted)
    asked.answers.ask(asked.inquiry("Why?"))

    (request,) = sent
    search = {
        "fileSearchStoreNames": [asked.store],
        "metadataFilter": f'owner="{OWNER}"',
        "topK": 10,
    }
    assert request["tools"] == [{"fileSearch": search}]
    assert request["generationConfig"] == {"maxOutputTokens": 1000}
    assert request["systemInstruction"]["parts"] == [{"text": "Answer from the passages."}]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.RATE_LIMITED, Throttled),
        (FaultKind.DAY_SPENT, Throttled),
        (FaultKind.INVALID_ARGUMENT, BadRequest),
        (FaultKind.PERMISSION_DENIED, Forbidden),
        (FaultKind.UNAVAILABLE, OutcomeUnknown),
        (FaultKind.REPLY_LOST, OutcomeUnknown),
        (FaultKind.HTML_BODY, OutcomeUnknown),
    ],
)
def test_failures_are_those_of_the_ports(
    asked: Asked, kind: FaultKind, error: type[Exception]
) -> None:
    asked.fault(kind)
    with pytest.raises(error):
        asked.answers.ask(asked.inquiry("Why?"))


def test_an_unknown_model_and_a_malformed_store_are_refused(asked: Asked) -> None:
    with pytest.raises(NotFound):
        asked.answers.ask(replace(asked.inquiry("Why?"), model="text-bison"))
    with pytest.raises(BadRequest, match="INVALID_NAME"):
        asked.answers.ask(replace(asked.inquiry("Why?"), store="fileSearchStores/a?b=c"))


def test_a_reply_without_usage_tells_no_tokens() -> None:
    from google.genai import types  # noqa: PLC0415 - its import takes half a second

    from shared.gateways.gemini import answering  # noqa: PLC0415 - with it

    blocked = types.GenerateContentResponse.model_validate(
        {"promptFeedback": {"blockReason": "SAFETY"}}
    )
    reply = answering._reply(blocked)
    assert (reply.text, reply.stopped, reply.tokens) == ("", "SAFETY", None)


def test_ends_of_segments_count_from_the_beginning_of_the_whole_text() -> None:
    from google.genai import types  # noqa: PLC0415 - as above

    from shared.gateways.gemini import answering  # noqa: PLC0415 - as above

    support = {"segment": {"partIndex": 2, "endIndex": 3}, "groundingChunkIndices": [0]}
    candidate = {
        "content": {
            "parts": [{"text": "hm", "thought": True}, {"text": "\u00e4b"}, {"text": "cde"}]
        },
        "groundingMetadata": {
            "groundingChunks": [{"retrievedContext": {"title": "t"}}],
            "groundingSupports": [support],
        },
    }
    whole = types.GenerateContentResponse.model_validate({"candidates": [candidate]})
    reply = answering._reply(whole)
    assert reply.text == "\u00e4bcde"
    assert reply.supports[0].end == len(reply.text.encode())
