from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import CommonSettings, SyncSettings
from shared.domain.batch.batch import DeletePolicy
from shared.domain.deployment.rules import Rules
from shared.domain.deployment.settings import Settings
from shared.domain.errors import InvalidRequest
from shared.domain.metadata.metadata import DEFAULT_EXPECTED_FIELDS
from shared.domain.throttle.late_starts import BOOKING_TIME, Places
from shared.domain.throttle.spacing import spacing
from shared.domain.throttle.tiers import load_tiers, tier_named
from shared.gateways.ports import Chunking, QueueName

COMMON = {"PROJECT_ID": "p", "BUCKET": "b", "DEPLOYMENT": "dev"}
GOOD = {
    **COMMON,
    "LOCATION": "us-central1",
    "UPLOADS_QUEUE": "u",
    "POLLS_QUEUE": "p",
    "CONTROL_QUEUE": "c",
    "UPLOAD_URL": "https://upload.example/",
    "DISPATCHER_URL": "https://dispatcher.example",
    "GEMINI_API_KEY": "AIza-very-secret",
}


def settings(**changes: str) -> SyncSettings:
    return SyncSettings.from_environment({**GOOD, **changes})


def problems(**changes: str) -> tuple[str, ...]:
    with pytest.raises(InvalidRequest) as caught:
        settings(**changes)
    return caught.value.problems


def test_good_settings_make_the_rules() -> None:
    rules = settings(PREFIX="docs/", TIER="tier2", DELETE_POLICY="add_only").rules()

    assert (rules.settings.bucket, rules.settings.prefix, rules.settings.deployment) == (
        "b",
        "docs/",
        "dev",
    )
    assert (rules.settings.tier.name, rules.settings.tier.rpm) == ("tier2", 200)
    assert rules.settings.delete_policy is DeletePolicy.ADD_ONLY
    assert rules.settings.store_name == "file-search-sync dev"
    assert rules.settings.imports_in_progress == 50


def test_what_is_not_set_leaves_the_rules_as_they_are() -> None:
    found = settings()
    plain = Rules(settings=Settings(bucket=found.bucket, deployment=found.deployment))

    assert found.chunking is None
    # These two are made to fit the timeout of the functions.
    rules = replace(found.rules(), work_budget=plain.work_budget, breaker=plain.breaker)
    assert replace(rules, file=plain.file, lease=plain.lease) == plain


def test_every_missing_key_is_named_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        SyncSettings.from_environment({})

    assert sorted(caught.value.problems) == sorted(f"{name} is not set" for name in GOOD)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert problems(BUCKET="", GEMINI_API_KEY="") == (
        "BUCKET is not set",
        "GEMINI_API_KEY is not set",
    )


def test_missing_and_bad_keys_are_named_together() -> None:
    found = problems(BUCKET="", TIER="tier9", UPLOAD_URL="ftp://x", TIME_SCALE="0.5")

    assert [problem.partition(":")[0].partition(" ")[0] for problem in found] == [
        "BUCKET",
        "TIER",
        "TIME_SCALE",
        "UPLOAD_URL",
    ]


def test_an_unknown_tier_names_the_tiers() -> None:
    (problem,) = problems(TIER="tier9")
    assert all(name in problem for name in load_tiers())
    assert "'tier9'" in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH_TEMPLATE", "{category"),
        ("PATH_TEMPLATE", "{year:nothing}"),
        ("EXPECTED_FIELDS", "title,title"),
        ("LOG_LEVEL", "LOUD"),
        ("TIME_SCALE", "nan"),
        ("TIME_SCALE", "inf"),
        ("TIME_SCALE", "0"),
        ("TIME_SCALE", "100.5"),
        ("DISPATCHER_URL", "dispatcher.example"),
        ("STATUS_URL", "javascript:x"),
        ("GEMINI_API_KEY", "AIza\u2026copied"),
        ("GEMINI_API_KEY", "AIza one"),
        ("GEMINI_API_KEY", " \n"),
        ("CHUNK_MAX_TOKENS", "513"),
        ("MAX_FILE_BYTES", "0"),
        ("MAX_FILE_BYTES", "104857601"),
        ("DELETE_POLICY", "delete"),
        ("RECONCILE_DAYS", "0"),
        ("RECONCILE_DAYS", "366"),
        ("MAX_IMPORTS_IN_PROGRESS", "0"),
        ("MAX_COST_PER_DAY", "0"),
        ("MAX_COST_PER_DAY", "-1"),
        ("MAX_COST_PER_DAY", "inf"),
        ("MAX_COST_PER_DAY", "two"),
        ("MAX_IMPORTS_PER_SYNC", "0"),
        ("FUNCTION_TIMEOUT_SECONDS", "59"),
        ("FUNCTION_TIMEOUT_SECONDS", "1796"),
        ("FUNCTION_TIMEOUT_SECONDS", "5 minutes"),
    ],
)
def test_a_bad_value_is_named_by_its_variable(name: str, value: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("tier", "dollars"), [("free", 0.015), ("tier1", 4.32), ("tier2", 43.2), ("tier3", 432)]
)
def test_without_a_limit_a_day_may_cost_what_the_tiers_rate_can(tier: str, dollars: float) -> None:
    """Terraform leaves an unset variable out of the environment, and so does ``fss local``."""
    assert settings(TIER=tier).rules().settings.cost_per_day == pytest.approx(dollars)


def test_a_limit_of_a_days_cost_is_read_as_dollars() -> None:
    assert settings(MAX_COST_PER_DAY="2.50").rules().settings.cost_per_day == pytest.approx(2.5)


def test_overlap_must_be_less_than_the_chunk() -> None:
    (problem,) = problems(CHUNK_MAX_TOKENS="10", CHUNK_OVERLAP_TOKENS="10")
    assert "chunk_overlap_tokens" in problem
    assert settings(CHUNK_MAX_TOKENS="10", CHUNK_OVERLAP_TOKENS="9").chunking == Chunking(10, 9)


def test_a_secret_is_never_repeated() -> None:
    secret = GOOD["GEMINI_API_KEY"]
    good = settings()
    assert secret not in repr(good)
    assert secret not in good.model_dump_json()
    with pytest.raises(InvalidRequest) as caught:
        SyncSettings.from_environment({"GEMINI_API_KEY": secret, "TIER": secret})
    tier = next(problem for problem in caught.value.problems if problem.startswith("TIER"))
    others = [problem for problem in caught.value.problems if problem is not tier]
    assert all(secret not in problem for problem in others)
    assert caught.value.__cause__ is None


def test_the_line_break_after_a_key_is_no_part_of_it() -> None:
    assert settings(GEMINI_API_KEY="AQ.key\n").gemini_api_key.get_secret_value() == "AQ.key"


def test_the_status_function_needs_no_gemini_key_and_does_not_hold_one() -> None:
    found = CommonSettings.from_environment({**COMMON, "GEMINI_API_KEY": "AIza-very-secret"})
    assert "secret" not in repr(found)


def test_lists_are_split_at_commas() -> None:
    found = settings(EXPECTED_FIELDS=" title , year:int ,", INCLUDE="**/*.md, a/*", EXCLUDE="")
    assert found.expected_fields == ("title", "year:int")
    assert [glob.matches("a/x.txt") for glob in found.include] == [False, True]
    assert found.exclude == ()
    assert settings(EXPECTED_FIELDS="").expected_fields == DEFAULT_EXPECTED_FIELDS
    assert settings(EXPECTED_FIELDS=",").expected_fields == ()


@pytest.mark.parametrize("prefix", ["a\0", "a\n", "\udcff/", "\u00e4" * 513])
def test_a_prefix_that_no_name_can_have_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidRequest, match="PREFIX"):
        settings(PREFIX=prefix)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("NOT_IGNORED", ".svn/", "node_modules/"),
        ("NOT_IGNORED", ".git", ".git/"),
        ("IGNORED_METADATA", "*-time", "end of a name"),
        ("KEPT_METADATA", "m*time", "end of a name"),
    ],
)
def test_a_name_that_no_rule_has_is_refused(name: str, value: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        settings(**{name: value})
    (problem,) = caught.value.problems
    assert problem.startswith(name)
    assert told in problem


def test_queues_and_urls_belong_together() -> None:
    found = settings(STATUS_URL="https://status.example/")
    assert found.queue_urls == {
        QueueName.UPLOADS: "https://upload.example",
        QueueName.POLLS: "https://upload.example",
        QueueName.CONTROL: "https://dispatcher.example",
    }
    assert set(found.queue_ids.values()) == {"u", "p", "c"}
    assert found.status_url_of("b1") == "https://status.example/batches/b1"
    assert settings().status_url_of("b1") is None


ZERO = timedelta(0)


@given(st.integers(60, 1795))
def test_budgets_nest_for_every_function_timeout(seconds: int) -> None:
    found = settings(FUNCTION_TIMEOUT_SECONDS=str(seconds))
    rules = found.rules()

    assert (
        ZERO
        < rules.work_budget
        < found.watchdog_budget
        < found.function_timeout
        <= found.dispatch_deadline
        < rules.file.claim_lifetime
    )
    assert found.dispatch_deadline <= timedelta(minutes=30)  # Cloud Tasks allows no more
    assert rules.lease.takeover_delay >= found.function_timeout


@given(st.integers(60, 1795), st.floats(1, 100))
def test_a_claim_outlives_its_process_at_every_time_scale(seconds: int, scale: float) -> None:
    found = settings(FUNCTION_TIMEOUT_SECONDS=str(seconds), TIME_SCALE=str(scale))
    rules = found.rules()

    assert ZERO < rules.work_budget < found.watchdog_budget < rules.file.claim_lifetime
    assert found.watchdog_budget < found.function_timeout
    assert rules.lease.takeover_delay >= found.watchdog_budget


@pytest.mark.parametrize("scale", [1, 2, 10, 50, 100])
@pytest.mark.parametrize("seconds", [60, 300, 540, 1795])
def test_time_scales_keep_what_a_batch_and_a_step_rest_on(seconds: int, scale: int) -> None:
    found = settings(FUNCTION_TIMEOUT_SECONDS=str(seconds), TIME_SCALE=str(scale))
    rules = found.rules()

    assert rules.work_budget < found.watchdog_budget <= found.function_timeout
    assert found.function_timeout < found.dispatch_deadline
    assert found.watchdog_budget < rules.file.claim_lifetime < rules.file.import_deadline
    assert rules.lease.duration >= 1.25 * rules.work_budget + 2 * rules.tick
    assert rules.lease.takeover_delay >= found.watchdog_budget
    assert rules.start_wait < found.watchdog_budget


@pytest.mark.parametrize("tier", load_tiers())
@pytest.mark.parametrize("seconds", [60, 300])
def test_a_late_delivery_waits_long_enough_for_a_start_at_each_tier(
    seconds: int, tier: str
) -> None:
    rules = settings(FUNCTION_TIMEOUT_SECONDS=str(seconds), TIER=tier).rules()
    places = Places(spacing(tier_named(tier).rpm, 1.0), rules.start_wait)

    assert places.turn + BOOKING_TIME <= rules.start_wait


@pytest.mark.parametrize(
    ("seconds", "scale", "budgets"),
    [
        (300, 1, (260, 280, 305, 660, 600)),
        (1795, 1, (1755, 1775, 1800, 1860, 1800)),
        (300, 10, (26, 28, 305, 66, 60)),
        (300, 100, (14.8, 15, 305, 20, 15)),
        (1795, 100, (17.55, 17.75, 1800, 22.75, 18)),
    ],
)
def test_budgets_scale_down_to_what_a_busy_machine_needs(
    seconds: int, scale: int, budgets: tuple[float, ...]
) -> None:
    found = settings(FUNCTION_TIMEOUT_SECONDS=str(seconds), TIME_SCALE=str(scale))
    rules = found.rules()

    assert tuple(
        span.total_seconds()
        for span in (
            rules.work_budget,
            found.watchdog_budget,
            found.dispatch_deadline,
            rules.file.claim_lifetime,
            rules.lease.takeover_delay,
        )
    ) == pytest.approx(budgets)


def test_a_time_scale_divides_waits_together() -> None:
    plain, fast = settings().rules(), settings(TIME_SCALE="10").rules()

    for one, other in [
        (plain.tick, fast.tick),
        (plain.nudge, fast.nudge),
        (plain.breaker.cooldown, fast.breaker.cooldown),
        (plain.file.import_deadline, fast.file.import_deadline),
        (plain.file.backoff_first, fast.file.backoff_first),
        (plain.lease.duration, fast.lease.duration),
        (plain.holds.storage, fast.holds.storage),
        (plain.start.lead, fast.start.lead),
        (plain.start.warm_up, fast.start.warm_up),
        (plain.most_look_grid, fast.most_look_grid),
    ]:
        assert one == other * 10
