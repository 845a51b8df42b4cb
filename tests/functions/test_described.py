"""The functions, asked for whatever ``docs/openapi.yaml`` allows and forbids: schemathesis.

Each function is asked at least ``CASES`` times, always the same; ``make fuzz`` asks 2,000 times.

Checks that are off:

- ``ignored_auth``, ``object_level_authorization``: the functions verify no tokens, which the
  platform in front of them does, and have one tenant. ``test_callers.py`` asks as each caller.
- ``use_after_free``, ``ensure_resource_availability``: they follow what one operation makes to
  another that uses it, and no operation here deletes what another has made.
- ``positive_data_acceptance``: what no schema can say is refused too. A page token is of its list,
  a prefix is one that names can have, and ``new_store`` needs mode ``full``.
- ``negative_data_rejection`` for tasks: one that can't be read is acknowledged, or it would come
  back for ever.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from shared.domain.errors import BadRequest
from tests.docs.markdown import ROOT
from tests.functions.framework_app import framework_app
from tests.functions.tokens import ACCOUNTS, EVENTS, PERSON, STRANGER, TASKS, bearer
from tests.services.story import SECOND, begun, later, world_with
from tests.world import World

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation
    from schemathesis.specs.openapi.schemas import OpenApiSchema

    Operation = APIOperation[Any, Any, Any, Any]

CASES = int(os.environ.get("CASES", "100"))
"""Requests of each function, besides those at the bounds of each parameter."""

CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.missing_required_header,
)


def described(function: str) -> OpenApiSchema:
    """The description of one function's operations."""
    whole = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
    for item in whole["paths"].values():
        for method in [*item]:
            if method != "parameters" and function not in item[method]["tags"]:
                del item[method]
    return schemathesis.openapi.from_dict(whole)


def busy() -> World:
    """A world with files of many states, a batch that is over and one that runs."""
    world = world_with("a.md", "b.md", "c/d.md")
    world.put({"empty.md": ""})
    world.gemini.fail_next("upload", BadRequest("files.upload", code=400, status="BAD"))
    world.sync()
    later(world, SECOND)
    world.put({"e.md": "# E", "b.md": "# again"})
    begun(world)
    return world


def cancel_running(world: World) -> None:
    latest = world.report.batches(1)[0]
    if latest["status"] in ("running", "paused"):
        world.control.cancel(latest["batch_id"])
    later(world, SECOND)


def known(world: World, running: str) -> dict[str, list[dict[str, Any]]]:
    """Parameters and bodies, by operation, that name what is there."""
    batches = [running, world.report.batches(2)[1]["batch_id"]]
    of_batch = [{"path_parameters": {"batch_id": each}} for each in batches]
    paths = [file.path for file in world.files()]
    token = world.report.history("", 1)["next_page_token"]
    failed = world.report.failures("", 1)["next_page_token"]
    steps = [
        {"schema": 1, "path": path, "seq": seq, "batch": batch, "generation": 0}
        for path in paths
        for batch in batches
        for seq in (0, 1, 2)
    ]
    scans = [{"schema": 1, "batch": batch, "index": at} for batch in batches for at in range(3)]
    return {
        "getBatch": of_batch,
        "listFiles": of_batch,
        **{f"{act}Batch": of_batch for act in ("cancel", "pause", "resume")},
        "getFile": [{"query": {"path": path}} for path in paths],
        "listBatches": [{"query": {"page_token": token}}],
        "listFailures": [{"query": {"page_token": failed}}],
        "step": [{"body": body, "media_type": "application/json"} for body in steps],
        "scan": [{"body": body, "media_type": "application/json"} for body in scans],
    }


def strategies(
    operation: Operation, parameters: dict[str, list[dict[str, Any]]]
) -> Iterator[st.SearchStrategy[Any]]:
    """Strategies for an operation: what is allowed, what names known things, what is forbidden."""
    yield operation.as_strategy()
    if there := parameters.get(operation.definition.raw["operationId"]):
        yield st.sampled_from(there).flatmap(lambda each: operation.as_strategy(**each))
    if operation.query or operation.body:
        yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def usual_callers(function: str) -> tuple[str, ...]:
    """Who may call most of a function's operations, three times as often as others."""
    return (TASKS if function == "upload" else PERSON,) * 9


def at_the_bounds(schema: OpenApiSchema, operation: Operation) -> Iterator[Case[Any]]:
    config = schema.config.generation_for(operation=operation)
    return schema.iter_coverage_cases(
        operation, generation_modes=[*GenerationMode], generation_config=config
    )


@pytest.mark.parametrize("function", ["dispatcher", "upload", "status", "ask"])
def test_no_answer_is_a_5xx_or_undescribed(function: str) -> None:
    world = busy()
    schema = described(function)
    operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    wrong: list[str] = []
    answers: Counter[int] = Counter()

    callers = itertools.cycle((*usual_callers(function), TASKS, EVENTS, STRANGER))

    def ask(case: Case[Any]) -> None:
        response = case.call(app=app, headers={"Authorization": bearer(next(callers))})
        answers[response.status_code] += 1
        if response.status_code == HTTPStatus.CONFLICT:  # so that the next start is accepted
            cancel_running(world)
        more = [] if "internal" in case.operation.tags else [checks.negative_data_rejection]
        try:
            case.validate_response(response, checks=[*CHECKS, *more], transport_kwargs={"app": app})
        except (Failure, FailureGroup) as failure:
            wrong.append(f"{case.as_curl_command()}\n{failure}")

    with framework_app(function, world, ACCOUNTS) as app:
        for operation in operations:
            for case in at_the_bounds(schema, operation):
                ask(case)
        cancel_running(world)
        parameters = known(world, begun(world).batch_id)

        @settings(
            max_examples=CASES,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )
        @given(
            st.one_of(
                [
                    strategy
                    for operation in operations
                    for strategy in strategies(operation, parameters)
                ]
            )
        )
        def test(case: Case[Any]) -> None:
            ask(case)

        test()

    assert wrong == [], f"{len(wrong)} of {answers.total()}"
    assert answers.total() >= CASES
    assert answers[200] >= CASES / 20
