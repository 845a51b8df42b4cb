"""Statuses, reasons, codes and figures in the pages are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

import pytest

from local.fss.deployment.outcome import Exit
from shared.domain.batch.batch import BatchPhase, BatchStatus
from shared.domain.batch.left import LeftReason
from shared.domain.estimate.prices import load_prices
from shared.domain.file.ledger import ImportState
from shared.domain.file.record import FailureKind, FileStatus
from shared.domain.metadata.metadata import MAX_ENTRIES, RESERVED_KEYS, MetadataQuality
from shared.domain.metadata.metadata_value import MAX_VALUE_LENGTH
from shared.domain.metadata.tool_metadata import SECRET_NAME, TOOL_NAMES
from shared.domain.source.eligibility import SkipReason
from shared.domain.source.ignored_names import BUILT_IN
from shared.domain.source.tokens import (
    BYTES_PER_TOKEN,
    DOCUMENT_BYTES_PER_TOKEN,
    PACKED_BYTES_PER_TOKEN,
)
from shared.domain.throttle.breaker_state import CircuitState
from shared.domain.throttle.holds import HoldReason
from shared.domain.throttle.tiers import load_tiers
from shared.process import EXIT_CONFIGURATION, EXIT_WATCHDOG
from shared.services.events import Event
from tests.docs.markdown import Page, code, first_codes

OPERATIONS = Page.read("docs/operations.md")
METADATA = Page.read("docs/metadata.md")
LIMITS = Page.read("docs/limits.md")


@pytest.mark.parametrize(
    ("heading", "values"),
    [
        ("## Batch statuses", BatchStatus),
        ("## File statuses", FileStatus),
        ("## Why a file is skipped", SkipReason),
        ("## Why a file failed", [kind for kind in FailureKind if kind]),
        ("## The breaker", CircuitState),
        ("## Holds", HoldReason),
        ("## What a sync leaves", LeftReason),
    ],
)
def test_a_table_of_operations_lists_every_value_once(heading: str, values: Iterable[Enum]) -> None:
    listed = first_codes(OPERATIONS.table(heading))
    assert sorted(listed) == sorted(value.value for value in values)


def test_the_states_of_an_import_are_all_listed() -> None:
    _, found, rest = OPERATIONS.text.partition("Each import has a record")
    assert found
    listed = re.findall(r"^\| `(\w+)` \|", rest.partition("\n## ")[0], re.MULTILINE)
    assert sorted(listed) == sorted(ImportState)


def test_the_phases_of_a_batch_are_all_named() -> None:
    section = OPERATIONS.text.partition("one of these phases:")[2].partition("\n\n")[0]
    assert set(code(section)) == set(BatchPhase)


def test_every_event_is_listed_with_its_fields() -> None:
    listed = first_codes(OPERATIONS.table("## Events"))
    assert sorted(listed) == sorted(Event)


def test_every_exit_code_is_listed() -> None:
    listed = [int(row[0]) for row in OPERATIONS.table("## Exit codes")]
    assert listed == sorted({*map(int, Exit), EXIT_CONFIGURATION, EXIT_WATCHDOG})


def test_the_reserved_entries_are_those_of_the_code() -> None:
    listed = first_codes(METADATA.table("## Entries that are always there"))
    assert tuple(listed) == RESERVED_KEYS


def test_the_names_that_are_left_out_are_those_of_the_code() -> None:
    listed = [row[1] for row in METADATA.table("## What copying tools write")]
    assert sorted(code(" ".join(listed))) == sorted([*TOOL_NAMES, SECRET_NAME])


def test_the_names_that_are_ignored_are_those_of_the_code() -> None:
    configuration = Page.read("docs/configuration.md")
    assert first_codes(configuration.table("### Names that are ignored")) == list(BUILT_IN)


def test_the_limits_of_metadata_are_those_of_the_code() -> None:
    entries, length, *_ = (row[0] for row in METADATA.table("## Limits, and what gives way"))
    assert entries == f"{MAX_ENTRIES} entries"
    assert length == f"{MAX_VALUE_LENGTH} characters of a string"


def test_the_quality_scores_are_those_of_the_code() -> None:
    listed = {code(row[0])[0]: int(row[2]) for row in METADATA.table("## The quality score")}
    assert listed == {quality.value: quality.score for quality in MetadataQuality}


def test_the_tiers_are_those_of_the_table() -> None:
    listed = {code(row[0])[0]: row[1:] for row in LIMITS.table("## Tier presets")}
    assert listed == {
        tier.name: [
            str(tier.rpm),
            str(tier.unmetered_rpm),
            "no limit known" if tier.rpd is None else str(tier.rpd),
            str(tier.max_concurrent_dispatches),
            str(tier.max_imports_in_progress),
            _size(tier.storage_bytes),
        ]
        for tier in load_tiers().values()
    }


def test_the_prices_are_those_of_the_table() -> None:
    listed = {code(row[0])[0]: row[1:] for row in LIMITS.table("## What a sync costs")}
    assert listed == {
        model: [f"{amount:g}", load_prices().as_of]
        for model, amount in load_prices().per_million_tokens.items()
    }


def test_the_bytes_of_a_token_are_those_of_the_code() -> None:
    text = LIMITS.text.partition("## What a sync costs")[2].partition("\n## ")[0]
    listed = [int(found) for found in re.findall(r"^\| [^|]+ \| (\d+) \| \w", text, re.MULTILINE)]
    assert listed == [BYTES_PER_TOKEN, DOCUMENT_BYTES_PER_TOKEN, PACKED_BYTES_PER_TOKEN]


def _size(count: int) -> str:
    return f"{count // 10**12} TB" if count >= 10**12 else f"{count // 10**9} GB"
