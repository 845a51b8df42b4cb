"""The smoke test: a token for each function alone, nobody without one, and a dry run to its end."""

from __future__ import annotations

import json

import pytest

from steps.google_api import Refused
from steps.smoke_test import PAUSE_S, TRIES, smoke_test
from tests.terraform.pipeline.services import DEPLOYER, Services

STARTED = {"batch_id": "b1", "status_url": "-"}


def tried(played: Services) -> tuple[str, list[float]]:
    waits: list[float] = []
    environment = {
        "DEPLOYER": DEPLOYER,
        "DISPATCHER_URL": played.dispatcher,
        "STATUS_URL": played.status,
    }
    return smoke_test(played.google, environment, waits.append), waits


def ends_as(played: Services, *states: str) -> None:
    played.answers["POST /dispatcher/sync"] = [(202, STARTED)]
    played.answers["GET /status/batches/b1"] = [(200, {"status": state}) for state in states]


def test_a_dry_run_is_started_and_watched_to_its_end(played: Services) -> None:
    ends_as(played, "running", "running", "completed")
    said, waits = tried(played)
    assert said == "The dry run b1 completed."
    assert waits == [PAUSE_S, PAUSE_S]
    assert played.asked[0] == ("POST /dispatcher/sync", json.dumps({"dry_run": True}))


def test_tokens_are_made_by_the_iam_api_with_the_builds_own_token(played: Services) -> None:
    ends_as(played, "completed")
    tried(played)
    assert played.tokens == [
        (DEPLOYER, {"audience": played.dispatcher, "includeEmail": True}),
        (DEPLOYER, {"audience": played.status, "includeEmail": True}),
    ]


@pytest.mark.parametrize("function", ["/dispatcher", "/status"])
@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_a_function_that_answers_without_a_token_fails_the_build(
    function: str, status: int, played: Services
) -> None:
    ends_as(played, "completed")
    played.open.add(function)
    played.answers[f"GET {function}"] = [(status, {})]
    with pytest.raises(Refused, match=rf"answers {status} without a token; it must answer 401 or"):
        tried(played)
    assert all("sync" not in path for path, _ in played.asked)


def test_a_redirect_is_not_followed(played: Services) -> None:
    ends_as(played, "completed")
    played.answers["GET /status/batches/b1"] = [(302, {})]
    with pytest.raises(Refused, match="302 instead of 200"):
        tried(played)


@pytest.mark.parametrize("state", ["failed", "refused", "completed_with_failures", "paused"])
def test_a_dry_run_that_ends_otherwise_fails_the_build(state: str, played: Services) -> None:
    ends_as(played, "running", state)
    with pytest.raises(Refused, match=f"ended as {state}"):
        tried(played)


def test_a_dry_run_that_does_not_end_fails_the_build(played: Services) -> None:
    ends_as(played, "running")
    with pytest.raises(Refused, match="didn't end in 600 seconds"):
        tried(played)
    assert len(played.asked) == 1 + TRIES


def test_another_sync_at_work_is_an_answer(played: Services) -> None:
    conflict = {"error": "a batch is running", "batch_id": "b0", "status_url": "-"}
    played.answers["POST /dispatcher/sync"] = [(409, conflict)]
    assert tried(played)[0] == "Another sync is at work, so all answers."


def test_records_of_another_deployment_fail_the_build(played: Services) -> None:
    played.answers["POST /dispatcher/sync"] = [(409, {"error": "another bucket"})]
    with pytest.raises(Refused, match="409 instead of 202"):
        tried(played)
