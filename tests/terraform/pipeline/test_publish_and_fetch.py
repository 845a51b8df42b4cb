"""From a plan to its apply: exactly what was approved is applied, and nothing older."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from steps import bundle
from steps.begin import begin
from steps.fetch import fetch
from steps.google_api import Refused
from steps.lineage import RECORD, last_applied
from steps.publish import publish
from tests.terraform.pipeline.checkout import (
    ELSEWHERE,
    FIRST,
    SECOND,
    TEXT,
    THIRD,
    of_the_apply,
    of_the_plan,
    planned,
)
from tests.terraform.pipeline.services import PLANS, Services

Published = Callable[..., dict[str, str]]


@pytest.fixture
def published(played: Services, tmp_path: Path) -> Published:
    """Plans and publishes a commit with the given ancestors; the message."""

    def run(*ancestors: str, build: str = "b-1", plan: bytes = b"plan") -> dict[str, str]:
        folder = planned(tmp_path / f"plan-{build}", *ancestors, plan=plan)
        publish(played.google, of_the_plan(ancestors[0], build), folder)
        return played.published[-1]

    return run


def apply(played: Services, message: dict[str, str], folder: Path) -> Path:
    environment = of_the_apply(message)
    fetch(played.google, environment, folder)
    begin(played.google, environment, folder)
    return folder / "planned"


def test_a_message_says_which_plan_where_and_what_it_would_do(
    played: Services, published: Published
) -> None:
    message = published(FIRST, build="b-7")
    stored = played.google.read(PLANS, message["object"])
    assert stored is not None
    assert message == {
        "commit": FIRST,
        "object": f"plans/{FIRST}/b-7/bundle.tar.gz",
        "generation": str(stored.generation),
        "sha256": hashlib.sha256(stored.content).hexdigest(),
        "summary": "Plan: 1 to add, 2 to change, 0 to destroy.",
        "text": f"https://storage.cloud.google.com/{PLANS}/plans/{FIRST}/b-7/plan.txt",
    }
    text = played.google.read(PLANS, f"plans/{FIRST}/b-7/plan.txt")
    assert text is not None
    assert text.content.decode() == TEXT


def test_a_plan_without_changes_is_not_published(played: Services, tmp_path: Path) -> None:
    folder = planned(tmp_path / "plan", FIRST, applyable=False)
    assert publish(played.google, of_the_plan(FIRST), folder) == "Nothing to apply."
    assert played.published == []


def test_what_is_applied_is_what_was_planned(
    played: Services, published: Published, tmp_path: Path
) -> None:
    message = published(FIRST, plan=b"the plan that was approved")
    published(FIRST, build="b-2", plan=b"a later plan")
    folder = apply(played, message, tmp_path / "apply")
    assert (folder / "plan.tfplan").read_bytes() == b"the plan that was approved"
    assert (tmp_path / "apply" / "approved.txt").read_text() == TEXT
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert kept == {
        "ancestors",
        "build/upload.zip",
        "commit",
        "plan.tfplan",
        "shared/tiers.json",
        "terraform/.terraform.lock.hcl",
        "terraform/main.tf",
    }


def test_the_same_files_make_the_same_bundle(tmp_path: Path) -> None:
    folders = [planned(tmp_path / name, FIRST) for name in "ab"]
    for folder in folders:
        (folder / "commit").write_text(FIRST)
    assert bundle.pack(folders[0]) == bundle.pack(folders[1])


def test_a_checkout_without_packages_is_not_bundled(played: Services, tmp_path: Path) -> None:
    folder = planned(tmp_path / "plan", FIRST)
    (folder / "build" / "upload.zip").unlink()
    with pytest.raises(Refused, match=r"made no build/\*\.zip"):
        publish(played.google, of_the_plan(FIRST), folder)
    assert played.published == []


FORGED = {
    "another content": {"sha256": "0" * 64},
    "another generation": {"generation": "12"},
    "another object": {"object": f"plans/{SECOND}/b-1/bundle.tar.gz"},
    "another commit": {"commit": SECOND},
    "an object outside": {"object": "applied.json"},
    "a path with dots": {"object": f"plans/{FIRST}/../bundle.tar.gz"},
    "the text of another plan": {"text": "https://storage.cloud.google.com/mine/plan.txt"},
    "a harmless summary": {"summary": "Plan: 0 to add, 0 to change, 0 to destroy."},
    "a commit that is none": {"commit": "main"},
    "a generation that is none": {"generation": "-1"},
    "no sha256": {"sha256": ""},
}


@pytest.mark.parametrize("case", FORGED)
def test_a_message_that_says_something_else_is_refused(
    case: str, played: Services, published: Published, tmp_path: Path
) -> None:
    message = published(FIRST) | FORGED[case]
    with pytest.raises(Refused):
        apply(played, message, tmp_path / "apply")
    assert last_applied(played.google, PLANS).commit is None


def test_a_plan_that_was_replaced_is_refused(
    played: Services, published: Published, tmp_path: Path
) -> None:
    message = published(FIRST)
    played.google.write(PLANS, message["object"], b"tampered", int(message["generation"]))
    with pytest.raises(Refused, match="gone in this generation"):
        apply(played, message, tmp_path / "apply")
    now = played.google.read(PLANS, message["object"])
    assert now is not None
    with pytest.raises(Refused, match="isn't what was approved: its sha256 differs"):
        apply(played, message | {"generation": str(now.generation)}, tmp_path / "apply")


def test_a_text_that_was_replaced_is_what_terraform_must_show(
    played: Services, published: Published, tmp_path: Path
) -> None:
    message = published(FIRST)
    name = bundle.text_beside(message["object"])
    text = played.google.read(PLANS, name)
    assert text is not None
    played.google.write(PLANS, name, b"all is well\n" + text.content, text.generation)
    apply(played, message, tmp_path / "apply")
    assert (tmp_path / "apply" / "approved.txt").read_text().startswith("all is well")


def test_a_bundle_of_another_commit_is_refused(
    played: Services, published: Published, tmp_path: Path
) -> None:
    first = published(FIRST)
    stored = played.google.read(PLANS, first["object"])
    assert stored is not None
    name = bundle.name_of(SECOND, "b-9")
    generation = played.google.write(PLANS, name, stored.content, 0)
    played.google.write(PLANS, bundle.text_beside(name), TEXT.encode(), 0)
    forged = first | {
        "commit": SECOND,
        "object": name,
        "generation": str(generation),
        "text": bundle.address_of(PLANS, bundle.text_beside(name)),
    }
    with pytest.raises(Refused, match="isn't one of"):
        apply(played, forged, tmp_path / "apply")


@pytest.mark.parametrize("name", ["../outside", "{}/outside", "planned/../../outside"])
def test_a_bundle_unpacks_nothing_outside(name: str, tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name.format(tmp_path)))
    with suppress(Refused):
        bundle.unpack(made.getvalue(), tmp_path / "planned")
    assert {*tmp_path.rglob("outside")} <= {*(tmp_path / "planned").rglob("outside")}


def test_a_bundle_holds_files_only(tmp_path: Path) -> None:
    made = io.BytesIO()
    link = tarfile.TarInfo("steps")
    link.type, link.linkname = tarfile.SYMTYPE, "."
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        archive.addfile(link)
    with pytest.raises(Refused, match="something beside files"):
        bundle.unpack(made.getvalue(), tmp_path)


def test_a_descendant_of_the_last_applied_commit_is_applied(
    played: Services, published: Published, tmp_path: Path
) -> None:
    apply(played, published(FIRST), tmp_path / "first")
    apply(played, published(THIRD, SECOND, FIRST, build="b-3"), tmp_path / "third")
    assert last_applied(played.google, PLANS).commit == THIRD


def test_a_commit_is_applied_again(played: Services, published: Published, tmp_path: Path) -> None:
    apply(played, published(FIRST), tmp_path / "first")
    apply(played, published(FIRST, build="b-2"), tmp_path / "again")


@pytest.mark.parametrize(("commit", "ancestors"), [(FIRST, ()), (ELSEWHERE, (FIRST,))])
def test_what_does_not_contain_the_last_applied_commit_is_not_published(
    commit: str, ancestors: tuple[str, ...], played: Services, published: Published, tmp_path: Path
) -> None:
    apply(played, published(SECOND, FIRST), tmp_path / "second")
    with pytest.raises(Refused, match=f"{commit} doesn't contain {SECOND}"):
        published(commit, *ancestors, build="b-3")
    assert len(played.published) == 1


def test_a_plan_that_became_too_old_while_it_waited_is_refused(
    played: Services, published: Published, tmp_path: Path
) -> None:
    waiting = published(ELSEWHERE, FIRST)
    apply(played, published(SECOND, FIRST, build="b-2"), tmp_path / "second")
    with pytest.raises(Refused, match=f"{ELSEWHERE} doesn't contain {SECOND}"):
        apply(played, waiting, tmp_path / "waiting")
    assert last_applied(played.google, PLANS).commit == SECOND


def test_of_two_that_were_approved_at_once_one_begins(
    played: Services, published: Published, tmp_path: Path
) -> None:
    environments = [
        of_the_apply(published(SECOND, FIRST, build=build), build) for build in ("b-1", "b-2")
    ]
    for environment in environments:
        fetch(played.google, environment, tmp_path / environment["BUILD"])
    begin(played.google, environments[0], tmp_path / "b-1")
    with pytest.raises(Refused, match="written by another build meanwhile"):
        begin(played.google, environments[1], tmp_path / "b-2")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"commit": null}', b'{"commit": "main"}'])
def test_a_record_that_names_no_commit_stops_everything(
    content: bytes, played: Services, published: Published
) -> None:
    played.google.write(PLANS, RECORD, content, 0)
    with pytest.raises(Refused, match="names no commit: restore"):
        published(FIRST)


def test_a_checkout_of_another_commit_is_refused(played: Services, tmp_path: Path) -> None:
    folder = planned(tmp_path / "plan", SECOND, FIRST)
    with pytest.raises(Refused, match=f"the build is of {FIRST}"):
        publish(played.google, of_the_plan(FIRST), folder)
