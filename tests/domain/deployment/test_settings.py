"""A setting that shapes what a scan decides is marked so, and a page's digest follows the marks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.config import SyncSettings
from shared.domain.deployment.settings import Settings, marks_of
from shared.domain.scan.comparison import Wanted
from shared.services.source.inspection import inspect
from tests.world import World, changed_rules, rules

CHOSEN = {"bucket": "b", "deployment": "d"}

CHANGED: dict[str, Any] = {
    "bucket": "another",
    "deployment": "another",
    "tier": "free",
    "chunk_overlap_tokens": None,
}
"""Values that an example doesn't give: most settings are changed to theirs."""

FILES = {
    "docs/drafts/.hidden.md": "a",
    "docs/guide/2025/week-1 Start.md": "b" * 30,
    "docs/guide/notes.txt": "c" * 3000,
    "docs/guide/readme.md": "d" * 300,
}


def settings_with(name: str) -> Settings:
    """Good settings, of which one is not at its default."""
    declared = Settings.model_fields[name]
    example = CHANGED.get(name) or marks_of(declared.json_schema_extra)["example"]
    more = {"chunk_max_tokens": "300"} if name == "chunk_overlap_tokens" else {}
    return Settings.model_validate({**CHOSEN, "max_file_bytes": 1000, **more, name: example})


def wanted_of(settings: Settings) -> list[Wanted]:
    """What a scan wants of the files, but for names and the owner tag, which are the store's."""
    world = World(changed_rules(rules(), **dict(settings)))
    world.put(FILES)
    objects = world.bucket.list_objects(prefix=settings.prefix, limit=100)
    return inspect(world.context, objects, {})


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_digest_moves_exactly_where_a_setting_is_marked(name: str) -> None:
    base = settings_with("reconcile_days")
    if name == "chunk_overlap_tokens":
        base = base.model_copy(update={"chunk_max_tokens": 300})
    shapes = marks_of(Settings.model_fields[name].json_schema_extra)["shapes_scan"]

    assert (settings_with(name).scan_digest != base.scan_digest) is shapes


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_that_changes_what_a_scan_wants_is_marked(name: str) -> None:
    """A forgotten mark would hide a change for ever: remembered pages would go on to be trusted."""
    base = settings_with("reconcile_days")
    if name == "chunk_overlap_tokens":
        base = base.model_copy(update={"chunk_max_tokens": 300})
    if wanted_of(settings_with(name)) != wanted_of(base):
        assert marks_of(Settings.model_fields[name].json_schema_extra)["shapes_scan"]


def test_every_setting_of_the_functions_is_declared_with_its_marks() -> None:
    for name, declared in SyncSettings.model_fields.items():
        marks = marks_of(declared.json_schema_extra)
        assert {"example", "told_default", "shapes_scan"} == marks.keys(), name


def test_an_unmarked_setting_keeps_remembered_pages() -> None:
    world = World(rules())
    world.put(FILES)
    world.sync()
    world.clock.advance(timedelta(minutes=1))
    world.use(world.context_with(max_imports_in_progress=7))
    reads = world.documents.reads
    world.sync()
    few = world.documents.reads - reads
    world.clock.advance(timedelta(minutes=1))
    world.use(world.context_with(chunk_max_tokens=100))
    reads = world.documents.reads
    assert world.sync()["metadata_changed"] == len(FILES)
    assert world.documents.reads - reads > few


def test_another_spelling_of_the_same_model_imports_nothing_again() -> None:
    short = Settings.model_validate({**CHOSEN, "embedding_model": "gemini-embedding-001"})
    whole = Settings.model_validate({**CHOSEN, "embedding_model": "models/gemini-embedding-001"})
    assert short.import_settings == whole.import_settings
