"""Unchanged files cost no metered request, and a few reads for each thousand objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from shared.domain.batch.request import SyncRequest
from tests.benchmarks.objects.meter import Meter
from tests.benchmarks.objects.settled import library, settle
from tests.benchmarks.objects.unchanged import OBJECTS, settled
from tests.services.story import in_step
from tests.world import World, rules


@pytest.fixture(scope="module")
def twenty_thousand() -> World:
    return settled(OBJECTS)


def test_the_prepared_world_equals_that_after_a_first_sync() -> None:
    real, laid = World(rules(page_size=20)), World(rules(page_size=20))
    for name, content in library(40).items():
        real.bucket.put(name, content)
    real.sync()

    settle(laid, library(40))

    assert records(laid) == records(real)
    assert documents(laid) == documents(real)
    assert in_step(laid)


def test_twenty_thousand_unchanged_objects_cost_nothing_metered_and_few_reads(
    twenty_thousand: World,
) -> None:
    meter, metered = Meter(twenty_thousand), twenty_thousand.gemini.metered

    meter.sync(SyncRequest())

    summary = twenty_thousand.report.batches(1)[0]
    assert (summary["status"], summary["unchanged"]) == ("completed", OBJECTS)
    assert twenty_thousand.gemini.metered == metered
    assert meter.reads.total() <= 62, meter.reads


def test_one_changed_object_among_them_reads_at_most_a_page_more(twenty_thousand: World) -> None:
    twenty_thousand.bucket.put("shelf 020/note 005000.md", b"changed")
    meter, metered = Meter(twenty_thousand), twenty_thousand.gemini.metered

    meter.sync(SyncRequest())

    summary = twenty_thousand.report.batches(1)[0]
    assert (summary["status"], summary["changed"], summary["indexed"]) == ("completed", 1, 1)
    assert twenty_thousand.gemini.metered - metered == 2
    page = meter.reads.pop("query of files by path")
    assert page == twenty_thousand.rules.page_size, "the only page with a change"
    assert meter.reads.total() <= 62 + 85, "uploading and importing one file"


# --- reading ----------------------------------------------------------------------------------


def records(world: World) -> dict[str, list[str]]:
    """All records by collection, without times and ids that depend on the order of events."""
    return {
        re.sub(r"/\d.*/", "/*/", collection): sorted(
            plain(each.fields)
            for name, each in stored.items()
            if not name.endswith("polls")  # the claim of a run that looked at many files
        )
        for collection, stored in world.documents._collections.items()
        if stored
    }


def documents(world: World) -> list[str]:
    return sorted(plain(document.metadata) for document in world.store_documents())


def plain(fields: Mapping[str, Any]) -> str:
    return re.sub(r"\b\d{6}\b|doc-\d+", "an id", repr(timeless(fields)))


def timeless(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((name, timeless(each)) for name, each in value.items())
    return "a time" if isinstance(value, datetime) else value
