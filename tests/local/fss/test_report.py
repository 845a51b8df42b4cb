from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from local.fss.deployment.outcome import Exit, Failure, exit_code
from local.fss.output import Output
from local.fss.report.history import history_lines
from local.fss.report.progress import LiveDisplay, PlainLines
from local.fss.report.progress_text import describe
from local.fss.report.summary import FIELDS, failure_lines, summary_text
from tests.local.fss.example_batches import batch


def failure(path: str, kind: str = "permanent", attempts: int = 1) -> dict[str, Any]:
    return {"path": path, "reason": "unreadable", "kind": kind, "attempts": attempts}


def test_progress_is_one_line_with_everything_that_matters() -> None:
    assert describe(batch()) == (
        "working; 12 of 48 files; about 4 min left; 3 in progress; 8.5 a minute; "
        "requests 24 metered, 1 throttled"
    )


def test_a_hold_and_the_breaker_are_told() -> None:
    hold = {"reason": "day", "until": "2026-01-01T08:00:00+00:00"}
    line = describe(batch(hold=hold, breaker={"state": "open"}, message="waits"))
    assert "breaker open" in line
    assert "on hold until 2026-01-01 08:00 UTC: day" in line
    assert line.endswith("waits")


def test_a_batch_that_is_over_or_paused_is_told_by_its_status() -> None:
    over = describe(batch(status="completed", phase="closed"))
    assert over.startswith("completed; ")
    assert "left" not in over
    paused = describe(batch(status="paused"))
    assert paused.startswith("paused; ")
    assert "left" not in paused, "it waits for a person"
    assert describe(batch(mode="reconcile")).startswith("reconcile · working; ")


def test_plain_lines_come_on_a_change_of_state_at_once_and_else_every_few_seconds() -> None:
    now = [0.0]
    stream = io.StringIO()
    lines = PlainLines(stream, lambda: now[0])

    def shown(**changes: Any) -> int:
        before = stream.getvalue().count("\n")
        lines.show(batch(**changes))
        return stream.getvalue().count("\n") - before

    assert shown() == 1
    assert shown(requests={"metered": 25, "throttled": 1, "unmetered": 0}) == 0
    assert shown(breaker={"state": "open"}) == 1
    now[0] = 5.0
    assert shown(breaker={"state": "open"}) == 0, "nothing new to say"
    assert shown(requests={"metered": 26, "throttled": 1, "unmetered": 0}) == 1


def test_the_summary_groups_skips_and_says_what_to_do_about_failures() -> None:
    skips = [{"path": f"f{n}", "reason": "empty"} for n in range(5)]
    skips += [{"path": "x.png", "reason": "unsupported_type"}]
    failures = [failure("a\x1b[2J.txt"), failure("b.txt", "exhausted", 7)]
    text = summary_text(
        batch(status="completed_with_failures", skips=skips, failures=failures, scanned=8)
    )
    assert "completed with failures" in text
    assert "of 8 files" in text
    assert "5 x empty: f0, f1, f2, ..." in text
    assert "1 x unsupported_type: x.png" in text
    assert "b.txt: unreadable (exhausted, 7 attempts)" in text
    assert "fss retry" in text
    assert "\x1b" not in text, "a name must not speak to the terminal"


def test_what_is_left_is_told_with_the_reason_and_the_time() -> None:
    left = {"files": 398, "reason": "cancelled", "until": None}
    assert "  left     398 files wait: the sync was cancelled\n" in summary_text(batch(left=left))
    left = {"files": 1, "reason": "day", "until": "2026-01-01T08:01:00+00:00"}
    text = summary_text(batch(left=left))
    assert "1 file waits: today's quota is used up, until 2026-01-01 08:01 UTC" in text
    left = {"files": 2, "reason": "of_a_newer_version", "until": None}
    assert "2 files wait: of_a_newer_version" in summary_text(batch(left=left))
    for nothing in (None, {"files": 0, "reason": None, "until": None}):
        assert "  left " not in summary_text(batch(left=nothing))


def test_the_time_and_the_rate_against_the_tiers_are_told() -> None:
    rate: dict[str, Any] = {"used": 18.4, "preset": 20}
    text = summary_text(batch(duration_seconds=191.4, rate=rate))
    assert (
        "  took     3 min 11 s; 18.4 metered requests a minute, of 20 that the tier allows\n"
        in text
    )
    assert "  took     3 s\n" in summary_text(batch(duration_seconds=3.2, rate={**rate, "used": 0}))
    assert "  took " not in summary_text(batch())


def test_what_rules_leave_out_is_counted_by_rule() -> None:
    rules = {"node_modules/": 40_000, "EXCLUDE drafts\x1b/**": 12, "INCLUDE": 3}
    text = summary_text(batch(ignored=rules))
    assert "ignored  40000 node_modules/, 12 EXCLUDE drafts" in text
    assert "3 INCLUDE" in text
    assert "\x1b" not in text
    assert "ignored" not in summary_text(batch(ignored={}))


def test_many_failures_are_counted_not_listed() -> None:
    text = summary_text(batch(failures=[failure(f"f{n}") for n in range(25)]))
    assert "f19:" in text
    assert "f20:" not in text
    assert "and 5 more" in text


def test_a_dry_run_says_that_nothing_was_done() -> None:
    assert "dry run" in summary_text(batch(status="completed"), dry_run=True)


ESTIMATE = {
    "files": 12, "retries": 1, "removals": 2, "metered_requests": 23, "seconds": 280, "days": 3,
    "bytes": 3_400_000, "tokens": 850_000, "cost": 0.1275, "currency": "USD",
    "price_date": "2026-10-07", "storage_bytes": 940_000_000, "storage_growth": 10_200_000,
    "storage_used": 940_000_000, "storage_judged_by": "a refusal",
    "storage_cap": 1_000_000_000, "refusals": ["12 files wait, more than max_imports 4"],
}  # fmt: skip


def test_a_dry_run_tells_what_the_sync_would_come_to() -> None:
    samples = {
        "new": [{"path": f"{n}.md", "reason": ""} for n in range(7)],
        "skipped": [{"path": "x\x1b.png", "reason": "unsupported_type"}],
    }
    text = summary_text(batch(status="completed", estimate=ESTIMATE, samples=samples))
    for told in (
        "completed (dry run)",
        "import 12 files (1 of them failed before), 3.4 MB; delete 2 documents",
        "0.13 USD for about 850,000 tokens (price of 2026-10-07)",
        "5 min for 23 metered requests at this tier's rate, spread over 3 days",
        "about 10.2 MB more; 940 MB of 1 GB in use (by a refusal)\n",
        "refused  12 files wait",
        "New\n  0.md\n  1.md\n  2.md\n  3.md\n  4.md\n  ...",
        ".png: unsupported_type",
    ):
        assert told in text
    assert "\x1b" not in text


def test_a_dry_run_says_that_not_all_fits_into_the_storage() -> None:
    full = ESTIMATE | {"storage_used": 989_800_001}
    text = summary_text(batch(status="completed", estimate=full, samples={}))
    assert "not all of it fits" in text


def test_what_a_dry_run_could_not_find_out_is_said() -> None:
    unknown = ESTIMATE | {"cost": None, "storage_bytes": None, "days": 1}
    text = summary_text(batch(status="completed", estimate=unknown, samples={}))
    assert "is not known" in text
    assert "could not be read" in text
    assert "spread" not in text


def test_the_summary_has_exactly_the_fields_of_the_contract() -> None:
    assert set(FIELDS) <= set(batch())
    assert len(FIELDS) == 28


@pytest.mark.parametrize(
    ("status", "failed", "code"),
    [
        ("completed", 0, Exit.IN_STEP),
        ("completed", 1, Exit.NOT_IN_STEP),
        ("completed_with_failures", 1, Exit.NOT_IN_STEP),
        ("cancelled", 0, Exit.NOT_IN_STEP),
        ("deferred", 0, Exit.NOT_IN_STEP),
        ("refused", 0, Exit.REFUSED),
        ("failed", 0, Exit.COULD_NOT_RUN),
        ("running", 1, Exit.IN_STEP),
    ],
)
def test_the_exit_code_follows_from_how_the_batch_ended(
    status: str, failed: int, code: Exit
) -> None:
    assert exit_code(batch(status=status, failed=failed)) is code


HOSTILE = "x\n\x1b]0;y\x07\u202e\x9b2J\u2028\ud800"


def hostile(value: Any) -> Any:
    """The same value with every text made hostile, but those that choose what is shown."""
    match value:
        case str():
            return value + HOSTILE
        case dict():
            chosen = ("status", "phase")
            return {name: item if name in chosen else hostile(item) for name, item in value.items()}
        case list():
            return [hostile(item) for item in value]
        case _:
            return value


BUDGET = {
    "files": 3, "cost": 1.0, "currency": "USD", "alone": "a.md", "limit": 2.0, "spent": 1.0,
    "max_imports": 5, "imports": 2,
}  # fmt: skip


def everything() -> dict[str, Any]:
    """A batch with each text that a deployment may send."""
    return batch(
        message="waits",
        hold={"reason": "day", "until": "2026-01-01T08:00:00+00:00"},
        breaker={"state": "open"},
        skips=[{"path": "f", "reason": "empty"}],
        failures=[failure("a"), failure("b", "exhausted")],
        ignored={"node_modules/": 2},
        budget=BUDGET,
        estimated_cost=1.0,
        metadata_changed_cost=0.5,
        reconciliation={"orphans": 1},
    )


def test_no_text_of_a_deployment_speaks_to_the_terminal_or_begins_a_line() -> None:
    samples = {"new": [{"path": "a", "reason": "b"}]}
    previewed = batch(status="completed", estimate=ESTIMATE, samples=samples)
    for told in (everything(), previewed):
        plain, odd = told, hostile(told)
        for text, usual in (
            (summary_text(odd, message=HOSTILE), summary_text(plain, message="m")),
            (describe(odd), describe(plain)),
            ("\n".join(history_lines([odd])), "\n".join(history_lines([plain]))),
            ("\n".join(failure_lines(odd["failures"])), "\n".join(failure_lines(told["failures"]))),
        ):
            lines = text.split("\n")
            assert all(line.isprintable() for line in lines)
            advice = usual.count("the service does not accept") + usual.count("all attempts failed")
            assert len(lines) == len(usual.split("\n")) - advice


def test_a_display_lets_nothing_through_to_the_terminal() -> None:
    plain, live = io.StringIO(), io.StringIO()
    for shown in (PlainLines(plain), LiveDisplay(Console(file=live, width=400))):
        with shown:
            shown.say(f"the end of its log:\n\t{HOSTILE}")
    for text in (plain.getvalue(), live.getvalue()):
        assert all(line.isprintable() for line in text.replace("\t", "").split("\n"))
        assert "its log:\n" in text


@pytest.mark.parametrize("as_json", [True, False])
def test_no_answer_and_no_failure_speaks_to_the_terminal(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    output = Output(as_json=as_json)
    output.answer({"reason": HOSTILE}, HOSTILE)
    output.note(HOSTILE)
    output.fail(Failure(Exit.REFUSED, HOSTILE, message=HOSTILE, exit_code=HOSTILE))
    written = capsys.readouterr()
    for line in (written.out + written.err).split("\n"):
        assert line.isprintable()
