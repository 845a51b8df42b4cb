"""What the rehearsal asks the Gemini API, asked of the simulator."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from google import genai
from google.genai import types

from local.gemini.clock import ManualClock
from local.gemini.server import serving
from local.gemini.settings import Settings, StoreFigures
from local.gemini.simulator import Simulator
from local.gemini.traffic.quota import QuotaLimits
from local.rehearsal.library import probes
from local.rehearsal.library.comparison import StoredObject
from local.rehearsal.questions import Question
from local.rehearsal.step import Answer, Findings
from shared.domain.throttle.tiers import Tier, tier_named
from shared.gateways.gemini.connection import API_VERSION


@contextlib.contextmanager
def service(rpm: int | None = None, reported_per_byte: int = 3) -> Iterator[genai.Client]:
    simulator = Simulator(
        Settings(
            jitter=0,
            import_base_s=0,
            import_per_mb_s=0,
            processing_s=0,
            store_figures=StoreFigures(reported_per_byte),
        ),
        limits=QuotaLimits(rpm=rpm),
        clock=ManualClock(),
    )
    with serving(simulator) as url:
        options = types.HttpOptions(base_url=url, api_version=API_VERSION)
        with genai.Client(api_key="any", vertexai=False, http_options=options) as client:
            yield client
    simulator.close()


def findings() -> Findings:
    return Findings({}, lambda _: None, lambda: None)


def the_answer(found: Findings) -> Answer:
    (answer,) = found.result.answers
    return answer


def test_a_taken_name_is_recorded_with_status_and_place() -> None:
    found = findings()
    with service() as client:
        probes._taken_name(client, found)
        assert list(client.files.list()) == []  # nothing is left
    answer = the_answer(found)
    assert answer.question is Question.TAKEN_NAME
    assert answer.text.startswith("the same bytes: 409, ALREADY_EXISTS, at its start, ")
    assert "other bytes: 409" in answer.text


def test_a_429_is_recorded_with_the_quota_that_it_names() -> None:
    found = findings()
    with service(rpm=3) as client:
        probes._quotas(client, tier_named("tier1"), found)
        assert list(client.files.list()) == []
    answer = the_answer(found)
    assert answer.is_settled
    assert answer.text.startswith("After 3 uploads in a row: 429, RESOURCE_EXHAUSTED, at its start")
    assert "names " in answer.text


def test_without_a_429_the_question_stays_open() -> None:
    found = findings()
    slow = Tier("slow", 2, 10, None, 1, 1, 1)
    with service() as client:
        probes._quotas(client, slow, found)
    assert not the_answer(found).is_settled
    assert "No 429 came in 4 uploads" in the_answer(found).text


@pytest.mark.parametrize(("counted", "said"), [(1, "the store 1.00"), (3, "the store 3.00")])
def test_sizes_are_compared_with_those_of_the_objects(counted: int, said: str) -> None:
    found = findings()
    with service(reported_per_byte=counted) as client:
        store = a_store_with_a_document(client)
        probes._sizes(client, store, {"a.md": StoredObject("a.md", "", 5)}, found)
        probes._metadata_of_one(client, store, found)
    sizes, metadata = found.result.answers
    assert said in sizes.text
    assert metadata.text.startswith("Yes: documents.get returns 1 entries, documents.list 1")


def a_store_with_a_document(client: genai.Client) -> str:
    store = client.file_search_stores.create(config={"display_name": "s"}).name or ""
    probes._upload(client, "files/a", b"12345")
    client.file_search_stores.import_file(
        file_search_store_name=store,
        file_name="files/a",
        config={"custom_metadata": [{"key": "path", "string_value": "a.md"}]},
    )
    return store


@pytest.mark.parametrize("details", [None, "", {}, {"error": {}}, {"error": {"details": [3]}}])
def test_a_body_without_quotas_names_none(details: object) -> None:
    assert probes.quotas_in(details) == []


def test_an_error_that_is_none_of_the_api_is_described_too() -> None:
    assert probes.described(KeyError("file")) == "KeyError, 'file'"
    long = SimpleNamespace(code=409, message="x" * 1000)
    assert len(probes.described(long)) < 400  # type: ignore[arg-type]
