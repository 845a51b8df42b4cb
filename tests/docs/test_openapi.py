"""docs/openapi.yaml describes exactly what the functions serve."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import fields
from enum import Enum
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.domain.ask.metadata_filter import MAX_LENGTH
from shared.domain.ask.request import MAX_QUESTION, AskRequest
from shared.domain.batch.batch import BatchPhase, BatchStatus, DeletePolicy, SyncMode, Trigger
from shared.domain.batch.left import LeftReason
from shared.domain.batch.request import SyncRequest
from shared.domain.batch.standing import StandingState
from shared.domain.errors import BadRequest
from shared.domain.estimate.preview import RETRIED, SAMPLES
from shared.domain.estimate.prices import load_prices
from shared.domain.file.record import Change, FailureKind, FileStatus
from shared.domain.source.eligibility import SkipReason
from shared.domain.throttle.breaker_state import CircuitState
from shared.domain.throttle.holds import HoldReason
from shared.http.requests import MAX_BODY, FileQuery, FilesQuery, ListQuery
from shared.services.batch.ask_sync import Asked
from shared.services.batch.run import Supervision
from shared.services.report.file_lists import FileList, Wanted
from shared.services.worker.advance_file import Outcome
from tests.docs.markdown import ROOT
from tests.services.ask.asking import Asking, passage_of
from tests.services.story import MINUTE, begun, play_to
from tests.twins.answers import supported
from tests.world import World, rules

FUNCTIONS = ("dispatcher", "upload", "status", "ask")
DESCRIPTION: dict[str, Any] = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
SCHEMAS: dict[str, Any] = DESCRIPTION["components"]["schemas"]

Operation = tuple[str, str]


def operations() -> dict[Operation, dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, item in DESCRIPTION["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def routes(function: str) -> set[Operation]:
    """The keys of a function's `Routes({...})`, read without importing it."""
    tree = ast.parse((ROOT / "functions" / function / "main.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Routes":
            (table,) = node.args
            assert isinstance(table, ast.Dict)
            keys = [ast.literal_eval(key) for key in table.keys if key is not None]
            return {(method, re.sub(r"<(\w+)>", r"{\1}", path)) for method, path in keys}
    raise AssertionError(f"{function} has no routes")


def problems(schema: str, value: object) -> list[str]:
    """What is wrong with a value, by a schema of the description."""
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DESCRIPTION["components"]}
    found = OAS31Validator(whole).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]


def test_the_description_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DESCRIPTION).iter_errors()] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_serves_exactly_what_is_described(function: str) -> None:
    described = {key for key, operation in operations().items() if function in operation["tags"]}
    assert described == routes(function)


def test_each_operation_belongs_to_one_function() -> None:
    for operation in operations().values():
        assert len({*operation["tags"]} & {*FUNCTIONS}) == 1


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ("SyncMode", SyncMode),
        ("DeletePolicy", DeletePolicy),
        ("Trigger", Trigger),
        ("BatchStatus", BatchStatus),
        ("BatchPhase", BatchPhase),
        ("FileStatus", FileStatus),
        ("SkipReason", SkipReason),
        ("CircuitState", CircuitState),
        ("HoldReason", HoldReason),
        ("LeftReason", LeftReason),
        ("StandingState", StandingState),
    ],
)
def test_an_enumeration_has_the_values_of_the_code(schema: str, values: Iterable[Enum]) -> None:
    assert SCHEMAS[schema]["enum"] == [value.value for value in values]


def test_a_file_that_has_not_failed_has_an_empty_kind() -> None:
    assert SCHEMAS["FailureKind"]["enum"] == ["", *FailureKind]


def test_the_outcomes_of_a_step_are_those_of_the_code() -> None:
    assert SCHEMAS["Step"]["properties"]["outcome"]["enum"] == list(Outcome)


def test_the_outcomes_of_a_notification_are_those_of_the_code() -> None:
    assert SCHEMAS["Notified"]["properties"]["outcome"]["enum"] == list(Asked)


def test_a_sync_request_has_the_fields_and_defaults_of_the_code() -> None:
    described = SCHEMAS["SyncRequest"]["properties"]
    assert {name: field["default"] for name, field in described.items()} == {
        name: field.default for name, field in SyncRequest.model_fields.items()
    }


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({}, True),
        ({"mode": "full", "trigger": "scheduler", "dry_run": True, "prefix": "a/"}, True),
        ({"delete_policy": "add_only", "max_deletes": 0, "max_imports": None, "force": True}, True),
        ({"delete_policy": None}, True),
        ({"mode": "everything"}, False),
        ({"dry_run": "yes"}, False),
        ({"max_deletes": -1}, False),
        ({"max_imports": 1.5}, False),
        ({"max_estimated_cost": 2}, True),
        ({"max_estimated_cost": 0}, False),
        ({"prefix": "a" * 1025}, False),
        ({"unheard_of": 1}, False),
    ],
)
def test_code_and_description_agree_on_a_sync_request(body: dict[str, Any], *, good: bool) -> None:
    try:
        SyncRequest.model_validate(body)
    except ValueError:
        assert not good
    else:
        assert good
    assert (not problems("SyncRequest", body)) is good


def test_the_query_parameters_are_those_of_the_code() -> None:
    shared = DESCRIPTION["components"]["parameters"]
    used = {
        name: schema
        for operation in operations().values()
        for parameter in operation.get("parameters", ())
        for name, schema in [_query(parameter, shared)]
    }
    models = (FilesQuery, FileQuery, ListQuery)
    assert used.keys() == {name for model in models for name in model.model_fields} | {"name"}
    assert used["limit"]["default"] == FilesQuery.model_fields["limit"].default


def _query(parameter: dict[str, Any], shared: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if "$ref" in parameter:
        parameter = shared[parameter["$ref"].rpartition("/")[2]]
    return parameter["name"], parameter["schema"]


def test_the_largest_body_is_the_one_described() -> None:
    assert f"{MAX_BODY:,} bytes" in DESCRIPTION["info"]["description"]


def test_the_supervisor_answers_as_described() -> None:
    names = {field.name for field in fields(Supervision)}
    assert SCHEMAS["Supervision"]["properties"].keys() == names


def test_a_batch_is_reported_as_described() -> None:
    world = World()
    world.put({"a/one.md": "# One\n", "b/photo.png": "not text", "b/empty.md": ""})

    report = world.sync()

    assert problems("BatchReport", report) == []
    assert report["skips"]
    assert problems("Batches", world.report.history("", 10)) == []
    assert problems("Overview", world.report.overview()) == []
    assert problems("Overview", World().report.overview()) == []
    assert problems("Window", world.report.overview.window()) == []
    assert problems("Throttle", world.report.breaker()) == []


def test_a_dry_run_is_reported_as_described() -> None:
    world = World()
    world.put({"a/one.md": "# One\n", "b/empty.md": ""})

    report = world.sync(dry_run=True, max_imports=0)

    assert problems("BatchReport", report) == []
    assert report["samples"].keys() == {"new", "skipped"}
    assert problems("BatchReport", {**report, "samples": {"unheard_of": []}})


def test_a_batch_that_waits_for_the_budget_is_reported_as_described() -> None:
    world = World(rules(max_cost_per_day=0.0001, max_imports_per_sync=3))
    world.put({"a/one.md": "# One\n", "b/large.md": "x" * 10_000})

    report = world.sync()

    assert (report["hold"]["reason"], report["budget"]["files"]) == ("budget", 1)
    assert problems("BatchReport", report) == []


def test_the_kinds_and_the_number_of_samples_are_those_of_the_code() -> None:
    described = SCHEMAS["Samples"]["properties"]
    assert described.keys() == {*Change, RETRIED} - {Change.UNCHANGED}
    assert {each["maxItems"] for each in described.values()} == {SAMPLES}


def test_files_are_reported_as_described() -> None:
    world = World()
    world.put({"a/one.md": "# One\n", "b/empty.md": ""})
    batch_id = world.sync()["batch_id"]

    assert problems("FilePage", world.report.files(batch_id, None, "", 1)) == []
    assert problems("Files", world.report.file("a/one.md")) == []


def test_failures_are_reported_as_described() -> None:
    world = World()
    world.put({"a/one.md": "# One\n"})
    world.gemini.fail_next("upload", BadRequest("gemini.upload", code=400, status="BAD"))
    world.sync()

    page = world.report.failures("", 10)

    assert problems("Failures", page) == []
    (failure,) = page["failures"]
    assert problems("FailedFile", {**failure, "surplus": 1})


def test_an_answer_is_as_described() -> None:
    world = World()
    world.put({"a/one.md": "# One\n", "a/one.md.meta.json": '{"year": 2025, "tags": ["a"]}'})
    world.sync()
    reply = supported("It is one.", passage_of(world, "a/one.md", page=2))

    told = Asking(world, reply).ask()

    assert problems("Answer", told) == []
    assert told["sources"]
    assert problems("Answer", Asking(world).ask()) == []


def test_a_question_has_the_fields_and_models_of_the_code() -> None:
    described = SCHEMAS["AskRequest"]["properties"]
    assert described.keys() == AskRequest.model_fields.keys()
    assert described["question"]["maxLength"] == MAX_QUESTION
    assert described["filter"]["maxLength"] == MAX_LENGTH
    assert described["model"]["enum"] == ["", *load_prices().answers.per_million_tokens]


def test_a_report_with_a_field_more_or_less_is_noticed() -> None:
    world = World()
    world.put({"a/one.md": "# One\n"})
    report = world.sync()

    assert problems("BatchReport", {**report, "surplus": 1})
    assert problems("BatchReport", {k: v for k, v in report.items() if k != "scanned"})
    assert problems("BatchReport", {**report, "status": "splendid"})


def test_a_running_batch_is_in_the_overview_as_described() -> None:
    world = World()
    world.put({f"{number}.md": f"# {number}" for number in range(4)})
    world.gemini.import_latency = 10 * MINUTE
    begun(world)
    play_to(world, FileStatus.IMPORTING, "0.md")

    overview = world.report.overview()

    assert problems("Overview", overview) == []
    assert overview["running"]["progress"]["total"] == 4
    for which in FileList:
        assert problems("ListPage", world.report.lists(which, Wanted(), "", 10)) == []
