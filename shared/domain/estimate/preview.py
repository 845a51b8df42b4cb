"""What a dry run has found so far: the change in work, and samples of each kind of change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.estimate.backlog import Backlog, work_of
from shared.domain.file.record import Change, FileRecord

SAMPLES = 20
"""Most samples of each kind; limited since a Firestore document holds at most one megabyte."""

LISTED = (Change.NEW, Change.CHANGED, Change.METADATA_CHANGED, Change.REMOVED)
"""The kinds of change whose names a dry run lists, all of them."""

MOST_BYTES = 600_000
"""Bytes of names that the result of one page may have, for the same reason."""

RETRIED = "retried"
"""The kind for failed files to try again; the other kinds are the values of ``Change``."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file, and a reason: why it is skipped, or its latest failure; empty for other kinds."""

    path: str
    reason: str = ""


Samples = Mapping[str, tuple[Sample, ...]]


@dataclass(frozen=True, slots=True)
class Preview:
    """What the scanned pages would change if this were not a dry run."""

    work: Backlog = field(default_factory=Backlog)
    samples: dict[str, tuple[Sample, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retried:
    """Tells which failed files a sync tries again: all, or those eligible at its start.

    Attributes:
        every: Whether all failed files are tried again.
        since: Start of the sync; None if it has no start yet.
    """

    every: bool
    since: datetime | None

    def __call__(self, record: FileRecord) -> bool:
        """Whether this failed file is tried again."""
        eligible_at = record.failure.eligible_at if record.failure else None
        if self.every or eligible_at is None or self.since is None:
            return self.every
        return eligible_at <= self.since


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """The change that a scan found for one file, with its record before and after."""

    change: Change
    before: FileRecord | None
    after: FileRecord


def previewed(steps: Iterable[PlannedChange], retried: Retried) -> Preview:
    """Sum up the changes, and keep samples of each kind."""
    work = Backlog()
    samples: dict[str, list[Sample]] = {}
    for step in steps:
        work += work_of(step.after, retried) - work_of(step.before, retried)
        if step.change is not Change.UNCHANGED:
            kind = samples.setdefault(step.change.value, [])
            if len(kind) < SAMPLES:
                kind.append(Sample(step.after.path, step.after.skip_reason or ""))
    return Preview(work, {kind: tuple(found) for kind, found in samples.items()})


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the files of one page that a dry run would change.

    Attributes:
        by_kind: Their names by kind of change, sorted.
        unlisted: How many more there are, for which there was no room.
    """

    by_kind: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unlisted: int = 0


def named(steps: Iterable[PlannedChange]) -> Names:
    """The names of the files that are new, changed or removed."""
    by_kind: dict[str, list[str]] = {}
    room, unlisted = MOST_BYTES, 0
    for step in sorted(steps, key=lambda each: each.after.path):
        if step.change in LISTED:
            room -= len(step.after.path.encode(errors="surrogatepass"))
            if room < 0:
                unlisted += 1
            else:
                by_kind.setdefault(step.change.value, []).append(step.after.path)
    return Names({kind: tuple(names) for kind, names in by_kind.items()}, unlisted)


def joined(first: Preview, second: Preview) -> Preview:
    """Add two previews; at most ``SAMPLES`` samples of each kind are kept."""
    return Preview(first.work + second.work, merged(first.samples, second.samples))


def merged(first: Samples, second: Samples) -> dict[str, tuple[Sample, ...]]:
    """The first ``SAMPLES`` samples of each kind, with each path once."""
    both = {}
    for kind in dict.fromkeys([*first, *second]):
        by_path: dict[str, Sample] = {}
        for sample in (*first.get(kind, ()), *second.get(kind, ())):
            by_path.setdefault(sample.path, sample)
        both[kind] = tuple(by_path.values())[:SAMPLES]
    return both
