"""What the adapter makes of a service that misbehaves, before the local simulator."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain.errors import (
    BadRequest,
    Forbidden,
    NameTaken,
    OutcomeUnknown,
    QuotaKind,
    Throttled,
    Unavailable,
)
from shared.gateways.gemini.file_search import GeminiFileSearch
from tests.contract.gemini_world import SimulatedGeminiWorld, imported, upload, uploaded
from tests.contract.servers import free_port
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
pytest_plugins = ("tests.contract.gateway_fixtures",)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("unavailable", {}),
        ("internal", {}),
        ("unavailable", {"after_effect": True}),
        ("html_body", {}),
        ("connection_reset", {}),
    ],
)
def test_an_import_without_a_usable_reply_may_have_happened(
    simulated: SimulatedGeminiWorld, kind: str, more: dict[str, object]
) -> None:
    store = simulated.gemini.create_store("s", "").name
    file = uploaded(simulated, "f")
    simulated.fault(kind, "stores.importFile", **more)
    with pytest.raises(OutcomeUnknown):
        simulated.gemini.import_file(store, file.name, [], None)
    imports = [each for each in simulated.requests() if each["route"] == "stores.importFile"]
    assert len(imports) <= 1, "it is not sent again"


def test_an_operation_is_resumed_by_its_name_alone(simulated: SimulatedGeminiWorld) -> None:
    """In the earlier system resuming a saved operation ended in an AttributeError."""
    store = simulated.gemini.create_store("s", "").name
    name = simulated.gemini.import_file(store, uploaded(simulated, "f").name, [], None).name
    with closing(simulated.client()) as after_a_restart:
        simulated.wait_until(lambda: after_a_restart.get_operation(name).done)

        document = after_a_restart.get_operation(name).document
        assert document is not None
        assert after_a_restart.get_document(document).name == document


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("unavailable", Unavailable),
        ("already_exists", NameTaken),
        ("rate_limited", Throttled),
        ("invalid_argument", BadRequest),
        ("permission_denied", Forbidden),
    ],
)
@pytest.mark.parametrize("route", ["files.upload.start", "files.upload.finalize"])
def test_an_upload_refused_at_either_end_says_why(
    simulated: SimulatedGeminiWorld, route: str, kind: str, error: type[Exception]
) -> None:
    simulated.fault(kind, route)
    with pytest.raises(error):
        upload(simulated.gemini, "f", b"x")


@pytest.mark.parametrize("kind", ["html_body", "reply_lost"])
def test_an_upload_whose_end_is_not_heard_of_may_have_happened(
    simulated: SimulatedGeminiWorld, kind: str
) -> None:
    simulated.fault(kind, "files.upload.finalize")
    with pytest.raises(OutcomeUnknown):
        upload(simulated.gemini, "f", b"x")
    with pytest.raises(NameTaken):
        upload(simulated.gemini, "f", b"x")


class TakesItsName(io.BytesIO):
    """Content during whose first read another upload takes the name."""

    def __init__(self, content: bytes, take: Callable[[], object]) -> None:
        super().__init__(content)
        self._take: Callable[[], object] | None = take

    def read(self, size: int | None = -1, /) -> bytes:
        if take := self._take:
            self._take = None
            take()
        return super().read(size)


def test_a_name_taken_during_the_upload_is_said_to_be_taken(
    simulated: SimulatedGeminiWorld,
) -> None:
    gemini = simulated.gemini
    content = TakesItsName(b"late", lambda: upload(gemini, "f", b"early"))
    with pytest.raises(NameTaken):
        gemini.upload("f", content, size=4, media_type="text/plain", display_name="f")
    assert gemini.get_file("files/f").size == len(b"early")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("already_exists", NameTaken),
        ("rate_limited", Throttled),
        ("credits_depleted", Throttled),
        ("permission_denied", Forbidden),
        ("invalid_argument", BadRequest),
        ("unavailable", Unavailable),
    ],
)
def test_an_error_in_the_body_of_an_uploads_last_reply_is_that_error(
    simulated: SimulatedGeminiWorld, kind: str, error: type[Exception]
) -> None:
    simulated.fault(kind, "files.upload.finalize", http_status=200)
    with pytest.raises(error):
        upload(simulated.gemini, "f", b"x")


@pytest.mark.parametrize("kind", ["storage_full", "credits_depleted", "spending_cap"])
def test_a_published_429_without_details_is_no_rate_limit(
    simulated: SimulatedGeminiWorld, kind: str
) -> None:
    simulated.fault(kind, "files.upload.start")
    with pytest.raises(Throttled) as throttled:
        upload(simulated.gemini, "f", b"x")
    assert throttled.value.quota in (QuotaKind.STORAGE, QuotaKind.SPEND)


def test_an_error_that_hides_behind_an_active_upload_is_an_unknown_outcome(
    simulated: SimulatedGeminiWorld,
) -> None:
    simulated.fault("unavailable", "files.upload.finalize", upload_status="active")
    with pytest.raises(OutcomeUnknown):
        upload(simulated.gemini, "f", b"x")


@pytest.mark.parametrize("kind", ["html_body", "reply_lost", "unavailable", "internal"])
def test_a_reading_call_that_fails_is_only_unavailable(
    simulated: SimulatedGeminiWorld, kind: str
) -> None:
    name = upload(simulated.gemini, "f", b"x").name
    simulated.fault(kind, "files.get")
    with pytest.raises(Unavailable):
        simulated.gemini.get_file(name)


def test_an_empty_page_is_not_the_end_of_a_listing(simulated: SimulatedGeminiWorld) -> None:
    store = simulated.gemini.create_store("s", "").name
    imported(simulated, store, uploaded(simulated, "f").name)
    simulated.fault("empty_page", "documents.list")
    first = simulated.gemini.list_documents(store)
    assert first.documents == ()
    assert first.next_page_token
    assert len(simulated.gemini.list_documents(store, first.next_page_token).documents) == 1


def test_a_hung_service_is_given_up(simulated: SimulatedGeminiWorld) -> None:
    impatient = GeminiFileSearch(
        "AIzaTEST",
        base_url=simulated.url,
        timeout=timedelta(milliseconds=500),
    )
    simulated.fault("slow_reply", "stores.*", delay_s=60, times=2)
    with pytest.raises(Unavailable):
        impatient.list_stores()
    with pytest.raises(OutcomeUnknown):
        impatient.create_store("s", "")
    impatient.close()


def test_a_service_out_of_reach_is_unavailable_whatever_is_asked() -> None:
    nobody = GeminiFileSearch(
        "AIzaTEST",
        base_url=f"http://127.0.0.1:{free_port()}",
        timeout=timedelta(seconds=PATIENCE),
    )
    with pytest.raises(Unavailable):
        nobody.import_file("fileSearchStores/s", "files/f", [], None)
    with pytest.raises(Unavailable):
        upload(nobody, "f", b"x")
    nobody.close()


def test_the_environment_changes_nothing(
    simulated: SimulatedGeminiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v9")
    monkeypatch.setenv("GOOGLE_GENAI_CLIENT_MODE", "replay")
    gemini = simulated.client()
    gemini.create_store("s", "")
    gemini.close()
    [request] = simulated.requests()
    assert request["route"] == "stores.create"
    assert request["path"].startswith("/v1beta/")


def test_a_closed_client_may_be_closed_again_and_used_again(
    simulated: SimulatedGeminiWorld,
) -> None:
    simulated.gemini.close()
    made = simulated.gemini.create_store("s", "")
    simulated.gemini.close()
    simulated.gemini.close()
    assert simulated.gemini.get_store(made.name) == made


def test_the_client_library_is_imported_by_the_first_call_only() -> None:
    program = (
        "import sys; from datetime import timedelta; "
        "from shared.gateways.gemini.file_search import GeminiFileSearch; "
        "GeminiFileSearch('k', base_url=None, timeout=timedelta(1)); "
        "print(sorted({'google.genai', 'httpx2'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
