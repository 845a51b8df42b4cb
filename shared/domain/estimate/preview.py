"""What a dry run has found so far: how the work would differ, and examples of each change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.estimate.backlog import Backlog, work_of
from shared.domain.file.record import Change, FileRecord

SAMPLES = 20
"""Examples kept of each kind: they ride in documents that hold a megabyte."""

RETRIED = "retried"
"""The kind of failed files that are tried again; the other kinds are those of ``Change``."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file, and why: for a skipped file the reason, for a failed one its latest failure."""

    path: str
    reason: str = ""


Samples = Mapping[str, tuple[Sample, ...]]


@dataclass(frozen=True, slots=True)
class Preview:
    """What pages of a scan would change, had it been no dry run."""

    work: Backlog = field(default_factory=Backlog)
    samples: dict[str, tuple[Sample, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retried:
    """Which failed files a sync tries again: every one, or those eligible at its start."""

    every: bool
    since: datetime | None

    def __call__(self, record: FileRecord) -> bool:
        """Whether a failed file is among them."""
        eligible_at = record.failure.eligible_at if record.failure else None
        if self.every or eligible_at is None or self.since is None:
            return self.every
        return eligible_at <= self.since


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What a scan says of one file, and its record before and after."""

    change: Change
    before: FileRecord | None
    after: FileRecord


def previewed(steps: Iterable[PlannedChange], retried: Retried) -> Preview:
    """What these steps come to."""
    work = Backlog()
    samples: dict[str, list[Sample]] = {}
    for step in steps:
        work += work_of(step.after, retried) - work_of(step.before, retried)
        if step.change is not Change.UNCHANGED:
            kind = samples.setdefault(step.change.value, [])
            if len(kind) < SAMPLES:
                kind.append(Sample(step.after.path, step.after.skip_reason or ""))
    return Preview(work, {kind: tuple(found) for kind, found in samples.items()})


def joined(first: Preview, second: Preview) -> Preview:
    """Both together, with as many samples as either may have."""
    return Preview(first.work + second.work, merged(first.samples, second.samples))


def merged(first: Samples, second: Samples) -> dict[str, tuple[Sample, ...]]:
    """The first samples of each kind, each path once."""
    both = {}
    for kind in dict.fromkeys([*first, *second]):
        by_path: dict[str, Sample] = {}
        for sample in (*first.get(kind, ()), *second.get(kind, ())):
            by_path.setdefault(sample.path, sample)
        both[kind] = tuple(by_path.values())[:SAMPLES]
    return both
