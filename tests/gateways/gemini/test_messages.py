from __future__ import annotations

import base64
import hashlib
import io
from datetime import timedelta

import pytest
from google.genai import types

from shared.domain.errors import SourceChanged
from shared.gateways.gemini import messages
from shared.gateways.gemini.file_search import GeminiFileSearch
from shared.gateways.ports import RemoteState

DIGEST = hashlib.sha256(b"hello")


@pytest.mark.parametrize(
    ("wire", "sha256"),
    [
        (base64.b64encode(DIGEST.hexdigest().encode()).decode(), DIGEST.hexdigest()),
        (base64.b64encode(DIGEST.digest()).decode(), DIGEST.hexdigest()),
        (None, ""),
        ("", ""),
        ("not base64!", ""),
        (base64.b64encode(b"short").decode(), ""),
    ],
)
def test_a_hash_is_read_from_hex_in_base64(wire: str | None, sha256: str) -> None:
    assert messages.sha256_hex(wire) == sha256


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (types.FileState.ACTIVE, RemoteState.ACTIVE),
        (types.FileState.PROCESSING, RemoteState.PENDING),
        (types.FileState.STATE_UNSPECIFIED, RemoteState.PENDING),
        (types.FileState.FAILED, RemoteState.FAILED),
        (types.DocumentState.STATE_ACTIVE, RemoteState.ACTIVE),
        (types.DocumentState.STATE_PENDING, RemoteState.PENDING),
        (types.DocumentState.STATE_FAILED, RemoteState.FAILED),
        (None, RemoteState.PENDING),
    ],
)
def test_states_are_three(
    value: types.FileState | types.DocumentState | None, state: RemoteState
) -> None:
    assert messages.state(value) is state


def test_a_state_of_the_future_is_pending() -> None:
    with pytest.warns(UserWarning, match="STATE_DREAMING"):
        unknown = types.DocumentState("STATE_DREAMING")
    assert messages.state(unknown) is RemoteState.PENDING


def operation(**fields: object) -> types.ImportFileOperation:
    return types.ImportFileOperation.model_validate(
        {"name": "fileSearchStores/s/operations/o", **fields}
    )


@pytest.mark.parametrize("name", ["d-1", "fileSearchStores/s/documents/d-1"])
def test_a_document_id_is_made_a_full_name(name: str) -> None:
    found = messages.import_operation(operation(done=True, response={"document_name": name}))
    assert found.document == "fileSearchStores/s/documents/d-1"


@pytest.mark.parametrize("done", [None, False])
def test_only_true_is_done(done: bool | None) -> None:
    assert messages.import_operation(operation(done=done)).done is False
    assert messages.import_operation(operation(done=True)).done is True


@pytest.mark.parametrize("name", ["../x", "fileSearchStores/s/documents/../x", "a?b"])
def test_a_document_name_of_unknown_form_is_no_reply(name: str) -> None:
    with pytest.raises(ValueError, match="unknown form"):
        messages.import_operation(operation(done=True, response={"document_name": name}))


def test_an_operation_error_may_lack_everything() -> None:
    assert messages.import_operation(operation(done=True, error={"code": 3})).error_code == 3
    assert messages.import_operation(operation(done=True, error={})).error_code is None


class _Client:
    """A service that receives other bytes than were sent."""

    def __init__(self, reply: types.File) -> None:
        self.files = self
        self._reply = reply

    def upload(self, *, file: io.RawIOBase, config: object) -> types.File:
        del config
        while file.read(4):
            pass
        return self._reply


def upload(monkeypatch: pytest.MonkeyPatch, reply: types.File) -> str:
    gemini = GeminiFileSearch("k", base_url=None, timeout=timedelta(seconds=1))
    monkeypatch.setattr(gemini, "client", lambda: _Client(reply))
    source = io.BytesIO(b"hello")
    return gemini.upload("f", source, size=5, media_type="text/plain", display_name="f").sha256


@pytest.mark.parametrize(
    "reply",
    [
        types.File(name="files/f", size_bytes=4),
        types.File(
            name="files/f",
            size_bytes=5,
            sha256_hash=base64.b64encode(hashlib.sha256(b"hellO").hexdigest().encode()).decode(),
        ),
    ],
    ids=["size", "hash"],
)
def test_a_file_that_is_not_what_was_sent_is_not_accepted(
    monkeypatch: pytest.MonkeyPatch, reply: types.File
) -> None:
    with pytest.raises(SourceChanged):
        upload(monkeypatch, reply)


def test_a_reply_without_size_and_hash_gets_those_of_what_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert upload(monkeypatch, types.File(name="files/f")) == DIGEST.hexdigest()
