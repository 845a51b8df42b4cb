"""The unmodified google-genai client against the simulator."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable

import pytest
from google import genai
from google.genai import errors, types

from local.gemini.clock import ManualClock
from local.gemini.simulator import Simulator
from local.gemini.wire.messages import Json

Upload = Callable[..., types.File]
MIB = 1024 * 1024


def _import(client: genai.Client, store: str, file: str, **config: Json) -> Json:
    return client.file_search_stores.import_file(
        file_search_store_name=store, file_name=file, config=types.ImportFileConfig(**config)
    )


def test_two_step_import_from_upload_to_verified_document(
    client: genai.Client, upload: Upload, clock: ManualClock, sha256: Callable[[bytes], str]
) -> None:
    store = client.file_search_stores.create(config={"display_name": "Knowledge base"})
    assert store.name
    assert store.name.startswith("fileSearchStores/knowledge-base-")
    data = b"# hello\nworld\n"
    file = upload(data, name="sync-9f86", display_name="docs/日本/hello.md")
    assert (file.name, file.display_name) == ("files/sync-9f86", "docs/日本/hello.md")
    assert (file.size_bytes, file.state) == (14, types.FileState.PROCESSING)
    assert file.sha256_hash
    assert base64.b64decode(file.sha256_hash).decode() == sha256(data)
    clock.advance(1)
    assert client.files.get(name="files/sync-9f86").state is types.FileState.ACTIVE

    operation = _import(
        client,
        store.name,
        "files/sync-9f86",
        custom_metadata=[
            types.CustomMetadata(key="path", string_value="docs/日本/hello.md"),
            types.CustomMetadata(key="mtime", numeric_value=1763910000),
            types.CustomMetadata(key="tags", string_list_value=types.StringList(values=["a", "b"])),
        ],
        chunking_config=types.ChunkingConfig(
            white_space_config=types.WhiteSpaceConfig(
                max_tokens_per_chunk=200, max_overlap_tokens=20
            )
        ),
    )
    assert operation.done is None
    assert client.operations.get(operation).done is None
    clock.advance(10)
    restored = types.ImportFileOperation.model_validate({"name": operation.name})
    done = client.operations.get(restored)
    assert done.done is True
    assert done.error is None
    assert done.response
    document_id = done.response.document_name
    assert done.response.parent == store.name.removeprefix("fileSearchStores/")
    assert operation.name == f"{store.name}/operations/{document_id}"

    document = client.file_search_stores.documents.get(name=f"{store.name}/documents/{document_id}")
    assert document.state is types.DocumentState.STATE_ACTIVE
    assert document.display_name == "sync-9f86"
    assert document.custom_metadata
    assert document.custom_metadata[0].string_value == "docs/日本/hello.md"
    assert document.custom_metadata[1].numeric_value == 1763910000
    assert document.custom_metadata[2].string_list_value == types.StringList(values=["a", "b"])

    client.files.delete(name="files/sync-9f86")
    with pytest.raises(errors.ClientError) as gone:
        client.files.get(name="files/sync-9f86")
    assert gone.value.code == 403
    assert client.file_search_stores.get(name=store.name).active_documents_count == 1


@pytest.mark.parametrize(
    ("size", "chunks"), [(0, 1), (8 * MIB, 1), (8 * MIB + 1, 2), (17 * MIB, 3)]
)
def test_an_upload_comes_whole_in_chunks_of_eight_mib(
    client: genai.Client,
    upload: Upload,
    simulator: Simulator,
    sha256: Callable[[bytes], str],
    size: int,
    chunks: int,
) -> None:
    data = os.urandom(size)
    file = upload(data)
    assert (file.size_bytes or 0) == size
    assert file.sha256_hash
    assert base64.b64decode(file.sha256_hash).decode() == sha256(data)
    routes = simulator.stats()["by_route"]
    assert routes["files.upload.finalize"] + routes.get("upload.chunk", 0) == chunks
    assert client.files.get(name=file.name or "").name == file.name


def test_upload_to_a_store_in_one_step(client: genai.Client, clock: ManualClock) -> None:
    store = client.file_search_stores.create().name or ""
    operation = client.file_search_stores.upload_to_file_search_store(
        file_search_store_name=store,
        file=io.BytesIO(b"x" * (9 * MIB)),
        config={
            "mime_type": "text/plain",
            "display_name": "big.txt",
            "custom_metadata": [{"key": "path", "string_value": "big.txt"}],
        },
    )
    assert operation.done is None
    assert operation.response
    name = operation.response.document_name or ""
    assert name.startswith(f"{store}/documents/")
    assert "/upload/operations/" in (operation.name or "")
    clock.advance(10)
    assert client.operations.get(operation).done is True
    document = client.file_search_stores.documents.get(name=name)
    assert (document.display_name, document.size_bytes) == ("big.txt", 9 * MIB)


def test_every_listing_can_be_paged_through(
    client: genai.Client, upload: Upload, clock: ManualClock
) -> None:
    stores = [client.file_search_stores.create().name for _ in range(11)]
    assert [store.name for store in client.file_search_stores.list()] == stores
    files = [upload().name for _ in range(25)]
    assert [file.name for file in client.files.list(config={"page_size": 7})] == files
    clock.advance(1)
    for file in files:
        _import(client, stores[0] or "", file or "")
    documents = client.file_search_stores.documents
    listed = list(documents.list(parent=stores[0] or "", config={"page_size": 20}))
    assert [document.display_name for document in listed] == [
        (file or "").removeprefix("files/") for file in files
    ]
    with pytest.raises(errors.ClientError) as refused:
        documents.list(parent=stores[0] or "", config={"page_size": 21})
    assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")


def test_documents_and_stores_are_deleted_with_force(
    client: genai.Client, upload: Upload, clock: ManualClock
) -> None:
    store = client.file_search_stores.create().name or ""
    file = upload().name or ""
    clock.advance(1)
    names = [
        (_import(client, store, file).name or "").replace("operations", "documents")
        for _ in range(2)
    ]
    clock.advance(10)
    documents = client.file_search_stores.documents
    with pytest.raises(errors.ClientError) as refused:
        documents.delete(name=names[0])
    assert (refused.value.code, refused.value.status) == (400, "FAILED_PRECONDITION")
    documents.delete(name=names[0], config={"force": True})
    with pytest.raises(errors.ClientError) as gone:
        documents.delete(name=names[0], config={"force": True})
    assert gone.value.code == 404
    with pytest.raises(errors.ClientError) as refused:
        client.file_search_stores.delete(name=store)
    assert refused.value.status == "FAILED_PRECONDITION"
    client.file_search_stores.delete(name=store, config={"force": True})
    with pytest.raises(errors.ClientError) as gone:
        client.file_search_stores.get(name=store)
    assert gone.value.code == 403


def test_a_question_is_answered_from_the_documents_the_filter_leaves(
    client: genai.Client, upload: Upload, clock: ManualClock
) -> None:
    store = client.file_search_stores.create().name or ""
    texts = {1990: b"The penguin lives in the south.", 2020: b"A penguin was seen in the north."}
    for year, text in texts.items():
        file = upload(text).name or ""
        clock.advance(1)
        _import(
            client,
            store,
            file,
            custom_metadata=[types.CustomMetadata(key="year", numeric_value=year)],
        )
    clock.advance(10)

    def ask(question: str, metadata_filter: str | None = None) -> Json:
        search = types.FileSearch(file_search_store_names=[store], metadata_filter=metadata_filter)
        return client.models.generate_content(
            model="gemini-2.5-flash",
            contents=question,
            config=types.GenerateContentConfig(tools=[types.Tool(file_search=search)]),
        ).candidates[0]  # type: ignore[index]  # there always is one

    assert len(ask("Where is the penguin?").grounding_metadata.grounding_chunks) == 2
    recent = ask("Where is the penguin?", "year > 2000")
    assert "north" in recent.content.parts[0].text
    [chunk] = recent.grounding_metadata.grounding_chunks
    assert chunk.retrieved_context.custom_metadata[0].numeric_value == 2020
    assert ask("Is there a walrus?").grounding_metadata is None
    with pytest.raises(errors.ClientError) as refused:
        ask("penguin?", "year >")
    assert refused.value.code == 400


def test_a_documents_content_can_be_downloaded(
    client: genai.Client, upload: Upload, clock: ManualClock
) -> None:
    store = client.file_search_stores.create().name or ""
    file = upload(b"\x00\xffabc").name or ""
    clock.advance(1)
    operation = _import(client, store, file).name or ""
    media = operation.replace("/operations/", "/media/")
    assert client.file_search_stores.download_media(media_id=media) == b"\x00\xffabc"


def test_file_search_is_in_no_other_version_of_the_api(url: str, simulator: Simulator) -> None:
    options = types.HttpOptions(base_url=url, api_version="v1")
    client = genai.Client(api_key="key", vertexai=False, http_options=options)
    for call in (
        client.file_search_stores.create,
        lambda: client.files.get(name="files/a"),
        lambda: client.files.upload(
            file=io.BytesIO(b"x"), config=types.UploadFileConfig(mime_type="text/plain")
        ),
    ):
        with pytest.raises(errors.ClientError) as refused:
            call()
        assert refused.value.code == 404
    client.close()
    stats = simulator.stats()
    assert (stats["stores"], stats["raw_files"]) == (0, 0)


def test_an_invalid_key_is_400_with_its_reason(url: str) -> None:
    client = genai.Client(
        api_key="bad-key",
        vertexai=False,
        http_options=types.HttpOptions(base_url=url, api_version="v1beta"),
    )
    with pytest.raises(errors.ClientError) as refused:
        client.files.get(name="files/a")
    client.close()
    assert refused.value.code == 400
    assert refused.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"
