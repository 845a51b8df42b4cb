"""Gemini File Search: the same on the twin and, through the adapter, on the local simulator.

The simulator copies what is documented or reported of the service; agreeing with it proves no
more than that.
"""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta

import pytest

from shared.domain.errors import (
    BadRequest,
    Forbidden,
    NameTaken,
    NotFound,
    OutcomeUnknown,
    QuotaKind,
    SourceChanged,
    Throttled,
    Unavailable,
)
from shared.domain.metadata.metadata import MetadataEntry
from shared.gateways.ports import Chunking, Document, Gemini, RemoteState
from tests.contract.gemini_world import (
    GeminiWorld,
    SimulatedGeminiWorld,
    imported,
    upload,
    uploaded,
)
from tests.twins.imports import ImportFate

pytest_plugins = ("tests.contract.gateway_fixtures",)


def all_documents(gemini: Gemini, store: str) -> list[Document]:
    page = gemini.list_documents(store)
    documents = list(page.documents)
    while page.next_page_token:
        page = gemini.list_documents(store, page.next_page_token)
        documents += page.documents
    return documents


@pytest.fixture
def store(gemini_world: GeminiWorld) -> str:
    return gemini_world.gemini.create_store("contract", "").name


# --- raw files ----------------------------------------------------------------------------


def test_an_uploaded_file_has_the_name_size_and_hash_it_should(gemini_world: GeminiWorld) -> None:
    file = upload(gemini_world.gemini, "f-1", b"# hello\n")
    assert (file.name, file.size) == ("files/f-1", 8)
    assert file.sha256 == hashlib.sha256(b"# hello\n").hexdigest()
    settled = uploaded(gemini_world, "f-2", b"again")
    assert settled.state is RemoteState.ACTIVE
    assert settled.sha256 == hashlib.sha256(b"again").hexdigest()
    assert settled.expires_at is not None
    assert settled.expires_at.tzinfo is not None


def test_a_source_that_cannot_be_read_is_told_apart_from_the_service(
    gemini_world: GeminiWorld,
) -> None:
    class Unreadable(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise Unavailable("bucket.read", code=503)

        def readinto(self, *_: object) -> int:
            raise Unavailable("bucket.read", code=503)

    with pytest.raises(Unavailable) as caught:
        gemini_world.gemini.upload(
            "unread", Unreadable(b"abc"), size=3, media_type="text/plain", display_name=""
        )

    assert caught.value.is_of_bucket
    assert not caught.value.is_of_gemini


@pytest.mark.parametrize("size", [0, 1, 8 * 1024 * 1024, 8 * 1024 * 1024 + 1])
def test_files_of_any_size_arrive_whole(gemini_world: GeminiWorld, size: int) -> None:
    content = b"x" * size
    assert upload(gemini_world.gemini, "sized", content).size == size
    found = gemini_world.gemini.get_file("files/sized")
    assert found.size in (size, None if size == 0 else size)  # zeros are left out on the wire
    assert found.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("title", ["", "  ", "日本/é\n.md", "t" * 600, " padded "])
def test_any_display_name_is_accepted(gemini_world: GeminiWorld, store: str, title: str) -> None:
    # The simulator refuses more than 512 characters, and never ends an import of a file whose
    # name begins with white space, as is reported of the service.
    gemini = gemini_world.gemini
    name = upload(gemini, "titled", b"x", title).name
    gemini_world.wait_until(lambda: gemini.get_file(name).state is RemoteState.ACTIVE)
    imported(gemini_world, store, name)
    [document] = gemini.list_documents(store).documents
    assert document.display_name == "titled", "it is the raw file's id, not its display name"


def test_a_taken_name_is_said_to_be_taken(gemini_world: GeminiWorld) -> None:
    upload(gemini_world.gemini, "twice", b"one")
    with pytest.raises(NameTaken):
        upload(gemini_world.gemini, "twice", b"two")


@pytest.mark.parametrize("declared", [4, 6, 0])
def test_a_source_of_another_length_than_declared_is_not_uploaded(
    gemini_world: GeminiWorld, declared: int
) -> None:
    with pytest.raises(SourceChanged):
        gemini_world.gemini.upload(
            "wrong", io.BytesIO(b"12345"), size=declared, media_type="text/plain", display_name="w"
        )
    with pytest.raises(Forbidden):
        gemini_world.gemini.get_file("files/wrong")


def test_a_deleted_or_unknown_file_is_denied(gemini_world: GeminiWorld) -> None:
    gemini = gemini_world.gemini
    upload(gemini, "gone", b"x")
    gemini.delete_file("files/gone")
    for call in (gemini.get_file, gemini.delete_file):
        with pytest.raises(Forbidden) as denied:
            call("files/gone")
        assert denied.value.code == 403


# --- imports and documents ----------------------------------------------------------------


def test_an_import_makes_a_document_with_all_its_metadata(
    gemini_world: GeminiWorld, store: str
) -> None:
    gemini = gemini_world.gemini
    file = uploaded(gemini_world, "f", b"# hello\n")
    metadata = [
        MetadataEntry("path", "docs/日本.md"),
        MetadataEntry("year", 1843.0),
        MetadataEntry("tags", ("a", "b")),
    ]
    started = gemini.import_file(store, file.name, metadata, Chunking(200, 20))
    assert not started.done
    gemini_world.wait_until(lambda: gemini.get_operation(started.name).done)
    operation = gemini.get_operation(started.name)
    assert operation.error_code is None
    assert operation.document is not None
    document = gemini.get_document(operation.document)
    assert document.name.startswith(f"{store}/documents/")
    assert (document.state, document.size) == (RemoteState.ACTIVE, 8)
    assert document.metadata == {"path": "docs/日本.md", "year": 1843.0, "tags": ("a", "b")}
    assert document.created_at is not None
    assert gemini.get_store(store).active_documents == 1


def test_importing_twice_makes_two_documents(gemini_world: GeminiWorld, store: str) -> None:
    file = uploaded(gemini_world, "f")
    first = imported(gemini_world, store, file.name).document
    second = imported(gemini_world, store, file.name).document
    found = all_documents(gemini_world.gemini, store)
    assert [document.name for document in found] == [first, second]
    assert gemini_world.imports == 2


def test_a_lost_reply_leaves_a_document_behind(gemini_world: GeminiWorld, store: str) -> None:
    file = uploaded(gemini_world, "f")
    gemini_world.lose_reply_of_next_import()
    with pytest.raises(OutcomeUnknown):
        gemini_world.gemini.import_file(store, file.name, [], None)
    assert len(all_documents(gemini_world.gemini, store)) == 1


@pytest.mark.parametrize("quota", QuotaKind)
def test_a_429_says_which_quota_and_how_long_and_imports_nothing(
    gemini_world: GeminiWorld, store: str, quota: QuotaKind
) -> None:
    file = uploaded(gemini_world, "f")
    gemini_world.throttle_next_import(quota, timedelta(seconds=17.5))
    with pytest.raises(Throttled) as throttled:
        gemini_world.gemini.import_file(store, file.name, [], None)
    assert throttled.value.quota is quota
    assert throttled.value.retry_after == timedelta(seconds=17.5)
    assert gemini_world.imports == 0


def test_full_stores_refuse_an_import_and_name_their_limit(
    gemini_world: GeminiWorld, store: str
) -> None:
    gemini_world.limit_storage(40)
    imported(gemini_world, store, uploaded(gemini_world, "f", b"12345678").name)
    second = uploaded(gemini_world, "g", b"12345678")
    with pytest.raises(Throttled) as refused:
        gemini_world.gemini.import_file(store, second.name, [], None)
    assert (refused.value.quota, refused.value.storage_limit) == (QuotaKind.STORAGE, 40)
    assert gemini_world.imports == 1


@pytest.mark.parametrize("per_byte", [1, 3])
def test_the_size_of_a_store_counts_the_input_or_three_times_as_much(
    gemini_world: GeminiWorld, store: str, per_byte: int
) -> None:
    gemini_world.count_in_stores(reported_per_byte=per_byte, lag=timedelta())
    imported(gemini_world, store, uploaded(gemini_world, "f", b"12345678").name)
    assert gemini_world.gemini.get_store(store).size_bytes == 8 * per_byte
    (listed,) = gemini_world.gemini.list_stores().stores
    assert listed.size_bytes == 8 * per_byte


def test_the_counts_of_a_store_may_lag_behind_its_list(
    gemini_world: GeminiWorld, store: str
) -> None:
    gemini_world.count_in_stores(reported_per_byte=3, lag=timedelta(hours=1))
    imported(gemini_world, store, uploaded(gemini_world, "f", b"12345678").name)
    counted = gemini_world.gemini.get_store(store)
    assert (counted.documents, counted.size_bytes) == (0, 0)
    assert len(all_documents(gemini_world.gemini, store)) == 1
    gemini_world.count_in_stores(reported_per_byte=3, lag=timedelta())
    assert gemini_world.gemini.get_store(store).documents == 1


def test_a_failed_operation_tells_its_code_and_no_document(
    gemini_world: GeminiWorld, store: str
) -> None:
    file = uploaded(gemini_world, "f")
    gemini_world.next_import(ImportFate(operation_fails=True))
    operation = imported(gemini_world, store, file.name)
    assert (operation.done, operation.document, operation.error_code) == (True, None, 13)
    assert operation.error


def test_an_operation_may_succeed_and_its_document_fail(
    gemini_world: GeminiWorld, store: str
) -> None:
    file = uploaded(gemini_world, "f")
    gemini_world.next_import(ImportFate(document_fails=True))
    name = imported(gemini_world, store, file.name).document
    assert name is not None
    assert gemini_world.gemini.get_document(name).state is RemoteState.FAILED
    assert gemini_world.gemini.get_store(store).failed_documents == 1


def test_an_operation_without_done_is_not_done(gemini_world: GeminiWorld, store: str) -> None:
    file = uploaded(gemini_world, "f")
    gemini_world.next_import(ImportFate(operation_hangs=True))
    name = gemini_world.gemini.import_file(store, file.name, [], None).name
    [document] = all_documents(gemini_world.gemini, store)
    gemini_world.wait_until(
        lambda: gemini_world.gemini.get_document(document.name).state is RemoteState.ACTIVE
    )
    assert gemini_world.gemini.get_operation(name).done is False
    assert document.name == f"{store}/documents/{name.rpartition('/')[2]}"


@pytest.mark.parametrize(
    "metadata",
    [
        [MetadataEntry(f"k{number}", "v") for number in range(21)],
        [MetadataEntry("long", "v" * 257)],
        [MetadataEntry("longs", ("ok", "v" * 257))],
    ],
    ids=["entries", "text", "list"],
)
def test_metadata_beyond_the_limits_is_rejected(
    gemini_world: GeminiWorld, store: str, metadata: list[MetadataEntry]
) -> None:
    file = uploaded(gemini_world, "f")
    with pytest.raises(BadRequest):
        gemini_world.gemini.import_file(store, file.name, metadata, None)
    assert gemini_world.imports == 0


@pytest.mark.parametrize("chunking", [Chunking(513, 0), Chunking(100, 100)])
def test_impossible_chunking_is_rejected(
    gemini_world: GeminiWorld, store: str, chunking: Chunking
) -> None:
    file = uploaded(gemini_world, "f")
    with pytest.raises(BadRequest):
        gemini_world.gemini.import_file(store, file.name, [], chunking)


def test_an_import_needs_its_file_and_its_store(gemini_world: GeminiWorld, store: str) -> None:
    gemini = gemini_world.gemini
    file = uploaded(gemini_world, "f")
    with pytest.raises(Forbidden):
        gemini.import_file(store, "files/none", [], None)
    with pytest.raises(Forbidden):
        gemini.import_file("fileSearchStores/none", file.name, [], None)


def test_documents_come_in_pages_of_twenty_oldest_first(
    gemini_world: GeminiWorld, store: str
) -> None:
    gemini = gemini_world.gemini
    file = uploaded(gemini_world, "f")
    made = [imported(gemini_world, store, file.name).document for _ in range(45)]
    page = gemini.list_documents(store)
    assert [document.name for document in page.documents] == made[:20]
    gemini.delete_document(page.documents[3].name)
    rest = gemini.list_documents(store, page.next_page_token)
    assert [document.name for document in rest.documents] == made[20:40]
    last = gemini.list_documents(store, rest.next_page_token)
    assert [document.name for document in last.documents] == made[40:]
    assert last.next_page_token == ""


def test_a_deleted_document_is_not_found(gemini_world: GeminiWorld, store: str) -> None:
    gemini = gemini_world.gemini
    name = imported(gemini_world, store, uploaded(gemini_world, "f").name).document
    assert name is not None
    gemini.delete_document(name)
    for call in (gemini.get_document, gemini.delete_document):
        with pytest.raises(NotFound):
            call(name)
    assert gemini.list_documents(store).documents == ()


def test_a_document_outlives_its_raw_file(gemini_world: GeminiWorld, store: str) -> None:
    file = uploaded(gemini_world, "f")
    name = imported(gemini_world, store, file.name).document
    assert name is not None
    gemini_world.gemini.delete_file(file.name)
    assert gemini_world.gemini.get_document(name).state is RemoteState.ACTIVE


def test_an_unknown_operation_is_not_found(gemini_world: GeminiWorld, store: str) -> None:
    with pytest.raises(NotFound):
        gemini_world.gemini.get_operation(f"{store}/operations/none")


# --- stores -------------------------------------------------------------------------------


def test_a_store_of_an_unknown_embedding_model_is_refused(gemini_world: GeminiWorld) -> None:
    with pytest.raises(BadRequest):
        gemini_world.gemini.create_store("s", "models/nonsense")
    assert gemini_world.gemini.list_stores().stores == ()


def test_stores_are_listed_in_pages_and_may_share_a_display_name(
    gemini_world: GeminiWorld,
) -> None:
    gemini = gemini_world.gemini
    names = ("models/gemini-embedding-001", "gemini-embedding-001")
    made = [gemini.create_store("Same name", name) for name in names]
    assert made[0].name != made[1].name
    assert {store.embedding_model for store in made} == {names[0]}
    listed = gemini.list_stores()
    assert [store.name for store in listed.stores] == [store.name for store in made]
    assert {store.display_name for store in listed.stores} == {"Same name"}
    assert listed.next_page_token == ""
    assert gemini.get_store(made[0].name) == made[0]


def test_a_store_goes_with_its_documents(gemini_world: GeminiWorld, store: str) -> None:
    imported(gemini_world, store, uploaded(gemini_world, "f").name)
    gemini_world.gemini.delete_store(store)
    for call in (
        gemini_world.gemini.get_store,
        gemini_world.gemini.delete_store,
        gemini_world.gemini.list_documents,
    ):
        with pytest.raises(Forbidden):
            call(store)
    assert gemini_world.gemini.list_stores().stores == ()


# --- names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "f", "files/", "files/../x", "files/a?b", "files/A", "files/-a", "files/a%2Fb"]
)
def test_a_name_that_would_mean_something_in_a_url_is_rejected(
    gemini_world: GeminiWorld, name: str
) -> None:
    gemini = gemini_world.gemini
    for call in (
        gemini.get_file,
        gemini.delete_file,
        gemini.get_document,
        gemini.delete_document,
        gemini.get_store,
        gemini.delete_store,
        gemini.list_documents,
        gemini.get_operation,
    ):
        with pytest.raises(BadRequest):
            call(name)
    with pytest.raises(BadRequest):
        upload(gemini, name.removeprefix("files/") if "/" in name else "UPPER", b"x")
    assert not name.startswith("files/") or not _any_request(gemini_world)


def _any_request(world: GeminiWorld) -> bool:
    return isinstance(world, SimulatedGeminiWorld) and bool(world.requests())
