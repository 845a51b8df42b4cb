"""The remote control, against a deployment played by a small server."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

from local.fss.__main__ import main
from local.fss.deployment import client as clients
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure
from local.fss.deployment.token import TokenCommand
from tests.local.fss.played import DETAILS, SUMMARY, Played


def test_a_sync_sends_only_what_was_asked_for(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.answers["POST /sync"] = (202, {"batch_id": "b1", "status_url": "http://s/b1"})
    words = "sync --mode full --dry-run --max-deletes 0 --max-estimated-cost 2.5"
    assert main(words.split()) == Exit.IN_STEP
    expected = {"mode": "full", "dry_run": True, "max_deletes": 0, "max_estimated_cost": 2.5}
    assert played.asked[0][1] == expected
    assert "http://s/b1" in capsys.readouterr().out


def test_a_watched_sync_ends_with_the_summary(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.answers["POST /sync"] = (202, {"batch_id": "b1", "status_url": "http://s/b1"})
    played.has({**SUMMARY, **DETAILS})
    assert main(["sync", "--watch", "--json"]) == Exit.IN_STEP
    assert json.loads(capsys.readouterr().out) == SUMMARY


def test_a_running_batch_refuses_another(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.answers["POST /sync"] = (409, {"error": "batch b0 is running", "batch_id": "b0"})
    assert main(["sync", "--json"]) == Exit.REFUSED
    told = json.loads(capsys.readouterr().out)
    assert told["batch_id"] == "b0"
    assert "fss watch b0, or fss cancel b0" in told["error"]


def test_every_problem_of_a_request_is_shown(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = ["prefix: too long", "mode: unknown"]
    played.answers["POST /sync"] = (400, {"error": "invalid request", "problems": problems})
    assert main(["sync"]) == Exit.USAGE
    told = capsys.readouterr().err
    assert all(problem in told for problem in problems)


def test_the_whole_lists_are_fetched_page_by_page(
    played: Played, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "PAGE", 2)
    rows = [
        {"path": f"f{n}", "status": "failed", "reason": "r", "kind": "permanent", "attempts": 1}
        for n in range(5)
    ]
    over = {"status": "completed_with_failures", "failed": 5, "failures": rows[:1]}
    played.has({**SUMMARY, **DETAILS, **over})
    played.has_files("b1", rows)
    played.answers["POST /sync"] = (202, {"batch_id": "b1", "status_url": ""})
    assert main(["sync", "--watch", "--json"]) == Exit.NOT_IN_STEP
    failures = json.loads(capsys.readouterr().out)["failures"]
    assert [failure["path"] for failure in failures] == ["f0", "f1", "f2", "f3", "f4"]
    assert set(failures[0]) == {"path", "reason", "kind", "attempts"}


def test_a_deployment_is_watched_less_and_less_often(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = {**SUMMARY, **DETAILS, "status": "running"}
    played.has(running)
    played.answers["POST /sync"] = (202, {"batch_id": "b1", "status_url": ""})
    pauses: list[float] = []

    def pass_by(seconds: float) -> None:
        pauses.append(seconds)
        if sum(pauses) > 3600:
            played.has({**running, "status": "completed"})

    monkeypatch.setattr("local.fss.sync.time.sleep", pass_by)

    assert main(["sync", "--watch"]) == Exit.IN_STEP

    assert pauses[0] <= 1, "the first looks show that it has begun"
    assert pauses == sorted(pauses)
    assert len(pauses) <= 135, "looks in an hour"


def test_failures_are_read_page_by_page_and_all_of_them_shown(
    played: Played, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "PAGE", 7)
    rows = [
        {"path": f"f{n}", "reason": "r", "kind": "permanent", "attempts": 1, "batch_id": "b1"}
        for n in range(30)
    ]
    played.answers["GET /failures"] = (200, rows)
    assert main(["failures"]) == Exit.NOT_IN_STEP
    assert "f29: r" in capsys.readouterr().out
    assert main(["failures", "--json"]) == Exit.NOT_IN_STEP
    assert json.loads(capsys.readouterr().out) == {"failures": rows}


def test_no_failures_is_good_news(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    played.answers["GET /failures"] = (200, [])
    assert main(["failures"]) == Exit.IN_STEP
    assert "No file has failed" in capsys.readouterr().out


def test_failures_that_break_off_are_not_taken_for_all(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.answers["GET /failures"] = (200, '{"path": "f0", "rea')
    assert main(["failures", "--json"]) == Exit.COULD_NOT_RUN
    assert list(json.loads(capsys.readouterr().out)) == ["error"]


def test_a_retry_is_a_sync_of_that_mode_with_the_options_of_any(played: Played) -> None:
    played.answers["POST /sync"] = (202, {"batch_id": "b1", "status_url": ""})
    assert main(["retry", "--max-imports", "7", "--dry-run"]) == Exit.IN_STEP
    assert played.asked[0][1] == {"mode": "retry_failed", "max_imports": 7, "dry_run": True}
    assert main(["retry", "--mode", "full"]) == Exit.USAGE


def test_status_without_a_name_shows_the_latest_batch(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.has({**SUMMARY, **DETAILS, "batch_id": "b/2"})
    played.answers["GET /batches/b%2F2"] = played.answers.pop("GET /batches/b/2")
    assert main(["status"]) == Exit.IN_STEP
    assert "Batch b/2: completed" in capsys.readouterr().out


def test_status_shows_what_became_of_the_batches_before(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = {
        **SUMMARY, "batch_id": "b0", "status": "deferred", "indexed": 3, "drift": -1,
        "dry_run": False, "message": "out of allowance (day)",
    }  # fmt: skip
    played.has({**SUMMARY, **DETAILS, "batch_id": "b1"}, earlier)
    assert main(["status"]) == Exit.IN_STEP
    shown = capsys.readouterr().out
    line = "b0  deferred; incremental; 3 indexed; store -1 documents; out of allowance (day)"
    assert line in shown
    assert main(["status", "b1"]) == Exit.IN_STEP
    assert "b0" not in capsys.readouterr().out


def test_a_deployment_without_batches_says_so(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.has()
    assert main(["status"]) == Exit.USAGE
    assert "no batch yet" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume"])
def test_orders_go_to_the_batch_that_is_not_over(
    verb: str, played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.has(SUMMARY, {**SUMMARY, "batch_id": "b0", "status": "running"})
    played.answers[f"POST /batches/b0:{verb}"] = (200, {"batch_id": "b0", "status": "done"})
    assert main([verb]) == Exit.IN_STEP
    assert "Batch b0: done" in capsys.readouterr().out


def test_an_order_without_a_running_batch_is_refused(played: Played) -> None:
    played.has(SUMMARY)
    assert main(["cancel"]) == Exit.USAGE


def test_something_else_than_a_deployment_is_told(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.answers["GET /batches"] = (200, "hello")
    assert main(["status"]) == Exit.COULD_NOT_RUN
    assert "did not answer like a deployment" in capsys.readouterr().err


def test_a_token_goes_with_each_request(played: Played) -> None:
    played.has(SUMMARY)
    command = shlex.join([sys.executable, "-c", "print('secret')"])
    Deployment(None, played.url, TokenCommand(command)).batches(1)
    assert played.asked[0][2] == "Bearer secret"


def test_a_token_is_never_sent_in_clear_to_another_machine() -> None:
    deployment = Deployment("http://example.com", None, TokenCommand("false"))
    with pytest.raises(Failure, match="not https"):
        deployment.start({})


def test_a_token_command_that_fails_is_told() -> None:
    with pytest.raises(Failure, match="--token-command"):
        TokenCommand(f"{shlex.quote(sys.executable)} -c 'raise SystemExit(1)'").run()
    with pytest.raises(Failure, match="--token-command"):
        TokenCommand("").run()


ANSWER = {
    "question": "Why?", "answer": "Wax it. [1]", "supported": True, "stopped": "",
    "sources": [
        {
            "number": 1, "path": "a\x1b[2J.md", "uri": "gs://b/a.md", "generation": "7", "page": 3,
            "passage": "word " * 300, "picture": None,
            "metadata": {"year": 2025.0, "tags": ["a", "b"], "evil": "x\x07"},
        },
    ],
    "store_as_of": "2026-11-28T04:00:00+00:00", "model": "gemini-3.5-flash-lite",
    "tokens": {"input": 1000, "output": 100}, "cost": 0.00055, "currency": "USD",
}  # fmt: skip


def test_a_question_is_asked_and_its_sources_are_shown(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.answers["POST /ask"] = (200, ANSWER)
    words = ["ask", "Why?", "--filter", "year=2025", "--model", "gemini-3.8-flash"]
    assert main(words) == Exit.IN_STEP
    asked = {"question": "Why?", "filter": "year=2025", "model": "gemini-3.8-flash"}
    assert played.asked[0][:2] == ("POST /ask", asked)
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert lines[:5] == [
        "Wax it. [1]",
        "",
        r"[1] a\x1b[2J.md, page 3",
        "    gs://b/a.md#7",
        r"    year: 2025, tags: a, b, evil: x\x07",
    ]
    assert lines[-1] == ("Store as of 2026-11-28 04:00 UTC. 0.00055 USD, gemini-3.5-flash-lite.")
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in shown


def test_an_answer_without_support_shows_no_source(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = {**ANSWER, "answer": "Nothing.", "supported": False, "sources": []}
    played.answers["POST /ask"] = (200, {**nothing, "store_as_of": None, "stopped": "SAFETY"})
    assert main(["ask", "Why?"]) == Exit.IN_STEP
    shown = capsys.readouterr().out
    assert "[1]" not in shown
    assert "(The answer ends early: SAFETY.)" in shown
    assert "no sync of the whole bucket was completed" in shown


def test_a_spent_allowance_for_questions_is_a_refusal(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.answers["POST /ask"] = (429, {"error": "MAX_ASK_COST_PER_DAY"})
    assert main(["ask", "Why?", "--json"]) == Exit.REFUSED
    assert json.loads(capsys.readouterr().out) == {"error": "MAX_ASK_COST_PER_DAY"}


def test_without_an_ask_function_the_command_says_what_to_give(
    played: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FSS_ASK_URL")
    assert main(["ask", "Why?"]) == Exit.USAGE
    assert "use --ask, or set FSS_ASK_URL" in capsys.readouterr().err
    assert played.asked == []
