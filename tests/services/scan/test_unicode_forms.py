"""Names in composed (NFC) and decomposed (NFD) form: macOS writes the one, most tools the other."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from shared.domain.deployment.settings import Settings
from shared.domain.source.path_glob import PathGlob
from tests.services.story import changes, in_step, synced, world_with
from tests.world import SETTINGS, World, rules

NFC, NFD = "R\u00e9sum\u00e9.md", "Re\u0301sume\u0301.md"
SIDECAR = ".meta.json"
IN_A_FOLDER = (f"Entw\u00fcrfe/{NFD}", f"Entw\u00fcrfe/{NFC}")
BETWEEN = tuple(f"S{n}.md" for n in range(6))  # after the decomposed name, before the composed one


def titled(world: World) -> dict[str, object]:
    """Title by path of all documents."""
    return {str(d.metadata["path"]): d.metadata.get("title") for d in world.store_documents()}


def title(text: str) -> str:
    return f'{{"title": "{text}"}}'


# --- patterns and templates ---------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["Entw\u00fcrfe/**", "Entwu\u0308rfe/**"])
@pytest.mark.parametrize("folder", ["Entw\u00fcrfe", "Entwu\u0308rfe"])
def test_a_pattern_holds_for_both_forms(pattern: str, folder: str) -> None:
    settings = Settings.model_validate({"bucket": "b", "deployment": "d", "exclude": pattern})
    world = world_with(f"{folder}/a.md", "b.md", given=rules(exclude=settings.exclude))
    summary = world.sync()
    assert world.stored_paths() == ["b.md"]
    assert summary["ignored"] == {"EXCLUDE Entw\u00fcrfe/**": 1}


def test_values_from_names_are_composed_and_the_path_stays_as_it_is() -> None:
    settings = Settings.model_validate(
        {**SETTINGS.model_dump(), "path_template": "Ku\u0308che/{title}"}
    )
    world = synced(f"Ku\u0308che/{NFD}", given=rules(path_template=settings.path_template))
    assert titled(world) == {f"Ku\u0308che/{NFD}": "R\u00e9sum\u00e9"}


# --- sidecars -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
@pytest.mark.parametrize(("base", "sidecar"), [(NFC, NFD), (NFD, NFC)])
@pytest.mark.parametrize("prefix", ["", "u\u0308/"])
def test_a_sidecar_in_the_other_form_is_found_wherever_it_is_listed(
    base: str, sidecar: str, page_size: int, prefix: str
) -> None:
    base, sidecar = prefix + base, prefix + sidecar + SIDECAR
    others = tuple(prefix + name for name in BETWEEN)
    world = world_with(base, *others, given=rules(page_size=page_size, prefix=prefix))
    world.put({sidecar: title("one")})
    first = world.sync()
    assert (first["new"], first["indexed"], first["skips"]) == (7, 7, [])
    assert first["requests"]["metered"] == 14  # each file is imported once
    assert titled(world)[base.removeprefix(prefix)] == "one"

    for mode in ("incremental", "full"):
        assert changes(world.sync(mode=mode)) == {"scanned": 7, "unchanged": 7}

    world.put({sidecar: title("two")})
    dry = world.sync(dry_run=True)
    assert (dry["metadata_changed"], dry["unchanged"]) == (1, 6)
    assert changes(world.sync()) == {
        "scanned": 7, "metadata_changed": 1, "unchanged": 6, "indexed": 1,
    }  # fmt: skip
    assert titled(world)[base.removeprefix(prefix)] == "two"

    world.bucket.delete(sidecar)
    assert changes(world.sync())["metadata_changed"] == 1
    assert titled(world)[base.removeprefix(prefix)] is None
    assert changes(world.sync()) == {"scanned": 7, "unchanged": 7}
    assert in_step_without(world, prefix)


def in_step_without(world: World, prefix: str) -> bool:
    return bool(prefix) or in_step(world)


@pytest.mark.parametrize("page_size", [1, 2, 1000])
@pytest.mark.parametrize(
    ("base", "sidecar"), [(NFC, NFD), (NFD, NFC), IN_A_FOLDER, IN_A_FOLDER[::-1]]
)
@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_a_sidecar_in_the_other_form_may_be_added_later(
    base: str, sidecar: str, page_size: int, mode: str
) -> None:
    world = synced(base, *BETWEEN, given=rules(page_size=page_size))
    world.put({sidecar + SIDECAR: title("one")})
    expected = {"scanned": 7, "metadata_changed": 1, "unchanged": 6}
    assert changes(world.sync(dry_run=True, mode=mode)) == expected
    summary = world.sync(mode=mode)
    assert (changes(summary), summary["skips"]) == ({**expected, "indexed": 1}, [])
    assert titled(world)[base] == "one"
    assert changes(world.sync()) == {"scanned": 7, "unchanged": 7}


@pytest.mark.parametrize("page_size", [1, 2, 1000])
@pytest.mark.parametrize(("base", "other"), [(NFC, NFD), (NFD, NFC)])
def test_the_exact_sidecar_wins(base: str, other: str, page_size: int) -> None:
    world = world_with(base, *BETWEEN, given=rules(page_size=page_size))
    world.put({base + SIDECAR: title("exact"), other + SIDECAR: title("other")})
    summary = world.sync()
    assert titled(world)[base] == "exact"
    assert summary["skips"] == [{"path": other + SIDECAR, "reason": "sidecar_without_base"}]
    world.bucket.delete(base + SIDECAR)
    assert world.sync()["metadata_changed"] == 1
    assert titled(world)[base] == "other"


@pytest.mark.parametrize("page_size", [1, 2])
def test_a_sidecar_with_a_file_of_exactly_its_name_on_an_earlier_page_is_no_skip(
    page_size: int,
) -> None:
    world = world_with(NFC, NFD, *BETWEEN, given=rules(page_size=page_size))
    world.put({NFC + SIDECAR: title("composed"), NFD + SIDECAR: title("decomposed")})
    assert world.sync()["skips"] == []
    assert (titled(world)[NFC], titled(world)[NFD]) == ("composed", "decomposed")


def test_a_sync_of_a_part_leaves_files_outside_it_alone() -> None:
    world = synced("\u00e9.md", "e\u0301.md.meta.json", "b.md")
    world.put({"e\u0301.md.meta.json": title("later")})
    summary = world.sync(prefix="e\u0301")
    assert (summary["indexed"], summary["metadata_changed"]) == (0, 0)
    assert world.sync()["metadata_changed"] == 1


def test_unchanged_names_cost_no_look_for_other_forms() -> None:
    world = world_with(*(f"\u00e9{n}.md" for n in range(100)), given=rules(page_size=50))
    world.put({f"\u00e9{n}.md{SIDECAR}": title("x") for n in range(100)})
    world.put({f"node_modules/\u00e9{n}.md": "x" for n in range(100)})
    world.sync()
    before = world.bucket.calls["stat"]
    world.sync()
    world.sync(mode="full")
    assert world.bucket.calls["stat"] - before <= 16  # names at the ends of the pages


# --- names that differ in form only -------------------------------------------------------------


@pytest.mark.parametrize("page_size", [1, 1000])
def test_names_that_differ_in_form_only_are_two_documents_and_are_reported(page_size: int) -> None:
    world = synced(NFC, NFD, *BETWEEN, given=rules(page_size=page_size))
    assert world.stored_paths() == sorted([NFC, NFD, *BETWEEN])
    for name, twin in ((NFC, NFD), (NFD, NFC)):
        (told,) = world.file(name).metadata_reports
        assert told == f"another object has this name in another Unicode form: {twin!a}"
    assert all(world.file(name).metadata_reports == () for name in BETWEEN)
    assert in_step(world)


# --- prefixes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_prefix_whose_other_form_has_objects_says_so(dry_run: bool) -> None:
    world = world_with("\u00fc/a.md", "u\u0308/b.md", "c.md")
    for prefix, other in (("\u00fc/", "u\u0308/"), ("u\u0308/", "\u00fc/")):
        summary = world.sync(prefix=prefix, dry_run=dry_run)
        assert summary["status"] == "completed"
        assert ascii(other) in summary["message"]
        assert summary["message"].count("Unicode form") == 1


def test_no_other_prefix_is_mentioned() -> None:
    world = world_with("\u00fc/a.md", "c.md", "d/e.md")
    calls: Any = world.bucket.calls
    assert "Unicode" not in world.sync(prefix="\u00fc/")["message"]
    before = calls["list_objects"]
    assert "Unicode" not in world.sync(prefix="d/")["message"]
    assert calls["list_objects"] == before + 1


def test_a_refusal_does_not_hide_the_other_prefix() -> None:
    world = synced("\u00fc/a.md", "u\u0308/b.md")
    world.bucket.delete("\u00fc/a.md")
    summary = world.sync(prefix="\u00fc/", max_deletes=0)
    assert summary["status"] == "refused"
    assert "Unicode form" in summary["message"]
    assert "max_deletes" in summary["message"]


def test_a_sidecar_is_left_out_with_its_base_in_the_other_form() -> None:
    given = rules(exclude=(PathGlob.parse("Entw\u00fcrfe/**"),))
    world = world_with("Entwu\u0308rfe/a.md", "Entw\u00fcrfe/a.md.meta.json", given=given)
    assert world.sync()["ignored"] == {"EXCLUDE Entw\u00fcrfe/**": 2}


# --- together -----------------------------------------------------------------------------------

MIXED = "R\u00e9sume\u0301.md"
FORMS = (NFC, NFD, MIXED)


def expected_titles(there: dict[str, str]) -> dict[str, object]:
    """Title by name: that of the exact sidecar, else of the composed, else of the decomposed."""
    found: dict[str, object] = {name: None for name in FORMS if name in there}
    for name in found:
        for form in (name, NFC, NFD):
            if form + SIDECAR in there:
                found[name] = there[form + SIDECAR]
                break
    return found


@pytest.mark.parametrize("page_size", [1, 2, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_and_goes_each_file_has_the_sidecar_that_is_nearest(
    seed: int, page_size: int
) -> None:
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    world = synced(*BETWEEN, given=rules(page_size=page_size))
    there: dict[str, str] = {}
    # For a name in neither form, a sidecar added later on another page is not found.
    forms = FORMS if page_size > len(BETWEEN) else (NFC, NFD)
    for number in range(12):
        for _ in range(random.choice((1, 1, 2, 4))):
            name = random.choice(forms) + random.choice(("", SIDECAR))
            if name in there and random.random() < 0.4:
                del there[name]
                world.bucket.delete(name)
            else:
                there[name] = f"title {number} {name!a}".replace("\\", "-")
                world.put({name: title(there[name]) if name.endswith(SIDECAR) else there[name]})
        told = world.sync(dry_run=True)
        summary = world.sync(mode=random.choice(("incremental", "incremental", "full")))
        found = titled(world)
        assert {name: found[name] for name in found if name in FORMS} == expected_titles(there)
        assert changes(told) == {
            name: count for name, count in changes(summary).items() if name in changes(told)
        }
        assert (summary["drift"], summary["failed"]) == (0, 0)
