from __future__ import annotations

import io
from datetime import timedelta

import pytest

from shared.domain.errors import BadRequest, Forbidden, OutcomeUnknown, Unavailable
from shared.gateways.ports import RemoteState
from tests.twins.clock import ManualClock
from tests.twins.gemini import MemoryGemini
from tests.twins.imports import ImportFate

SECOND = timedelta(seconds=1)


def upload(gemini: MemoryGemini, file_id: str = "f") -> str:
    content = io.BytesIO(b"x")
    file = gemini.upload(file_id, content, size=1, media_type="text/plain", display_name="x")
    return file.name


def test_a_file_is_active_after_its_latency_and_gone_after_48_hours() -> None:
    clock = ManualClock()
    gemini = MemoryGemini(clock, file_latency=SECOND)
    name = upload(gemini)
    assert gemini.get_file(name).state is RemoteState.PENDING
    store = gemini.create_store("s", "").name
    with pytest.raises(BadRequest):
        gemini.import_file(store, name, [], None)
    clock.advance(SECOND)
    assert gemini.get_file(name).state is RemoteState.ACTIVE
    clock.advance(timedelta(hours=48) - SECOND)
    with pytest.raises(Forbidden):
        gemini.get_file(name)
    assert upload(gemini) == name, "the name of an expired file is free again"


def test_a_failed_document_may_recover() -> None:
    clock = ManualClock()
    gemini = MemoryGemini(clock, import_latency=SECOND)
    store = gemini.create_store("s", "").name
    gemini.fates.append(ImportFate(document_fails=True, recovers_after=SECOND))
    gemini.import_file(store, upload(gemini), [], None)
    states = []
    for _ in range(3):
        states += [document.state for document in gemini.list_documents(store).documents]
        clock.advance(SECOND)
    assert states == [RemoteState.PENDING, RemoteState.FAILED, RemoteState.ACTIVE]


def test_a_fault_comes_once_before_or_after_the_effect() -> None:
    gemini = MemoryGemini(ManualClock())
    store = gemini.create_store("s", "").name
    name = upload(gemini)
    gemini.fail_next("import_file", Unavailable("gemini.import_file", code=503))
    gemini.fail_next("import_file", OutcomeUnknown("gemini.import_file"), after_effect=True)
    with pytest.raises(Unavailable):
        gemini.import_file(store, name, [], None)
    assert gemini.imports == 0
    with pytest.raises(OutcomeUnknown):
        gemini.import_file(store, name, [], None)
    assert gemini.imports == 1
    gemini.import_file(store, name, [], None)
    assert (gemini.imports, gemini.metered) == (2, 4)
    assert set(gemini.sources(store).values()) == {name}


def test_each_call_is_announced_at_its_entry_and_exit_and_may_die_at_either() -> None:
    gemini = MemoryGemini(ManualClock())
    seen: list[str] = []
    gemini.on_call = seen.append
    gemini.list_stores()
    with pytest.raises(Forbidden):
        gemini.get_file("files/none")
    assert seen == ["list_stores:enter", "list_stores:exit", "get_file:enter", "get_file:exit"]

    def die_at(moment: str) -> None:
        def hook(call: str) -> None:
            if call == moment:
                raise KeyboardInterrupt

        gemini.on_call = hook

    die_at("upload:enter")
    with pytest.raises(KeyboardInterrupt):
        upload(gemini)
    die_at("upload:exit")
    with pytest.raises(KeyboardInterrupt):
        upload(gemini)
    die_at("")
    assert gemini.get_file("files/f").size == 1
