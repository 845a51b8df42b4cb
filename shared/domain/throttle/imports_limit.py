"""How many imports may be in progress at once: begins at the preset, and grows where that helps.

The service accepts more imports than it can process, and those beyond its bound fail later, with
no 429 (see ``sources`` in tiers.json). So a larger limit is tried with a few imports only.
Meanwhile no other import is begun beyond the old limit. The limit grows if the trial's documents
become ACTIVE, and keeps growing only while more imports end in a minute than before.

An import that FAILED while more than the preset were in progress may have failed for that reason or
because of its file. So the trial ends first, or the limit is cut to the preset if there was none.
Later these files, the suspects, are imported again at or below the preset. If one is indexed then,
the size at which it failed is harmful, and is not tried again for a while. If they fail again, the
files are to blame, and the limit is what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import fmean

FIRST_GROWTH = 1.25
"""A trial after one that failed, and the first one, is this many times the limit."""

GROWTH = 1.5
"""The same of a trial after one that went well."""

NEAR = 0.9
"""Imports begun beside at least this share of the limit tell something of it. After a growth, that
excludes those begun with the limit before."""

HEADROOM = 1.5
"""The limit is at most this many times what the tier's rate fills at the usual import time."""

SAMPLES = 100
"""Imports whose time is known before the limit is judged. The error of ``_typical`` is then about
4 % where that of the times is 30 %."""

GAIN = 0.5
"""A larger limit is kept if imports end faster by this share of its growth; less is noise."""

RECENT = 20
"""Latest imports beyond the preset that are remembered."""

MANY_FAILED = 5
"""So many FAILED of the ``RECENT`` cut the limit. If 2 % of all files are bad, that happens once in
20,000 such groups."""

FEW_FAILED = 3
FAILED_SHARE = 0.1
"""So many FAILED end a trial, if they are this share of its imports that have ended."""

SUSPECTS = 3
"""Suspects that fail again acquit the size."""

REST = timedelta(minutes=15)
"""Wait until a larger limit is tried again, after one that didn't help or was harmful."""

PATIENCE = timedelta(minutes=10)
"""A trial or a cut that hasn't been decided by then is dropped: its files may be gone."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A larger limit that is being tried.

    Attributes:
        size: Imports in progress.
        began_at: When it was decided on.
        is_reached: Whether so many have been in progress. No more are begun beyond the limit then.
        begun: Imports begun beyond the limit.
        indexed: Those that became ACTIVE.
        failed: Those that FAILED.
    """

    size: int
    began_at: datetime
    is_reached: bool = False
    begun: int = 0
    indexed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """Imports failed, and it isn't known yet why.

    Attributes:
        limit: The limit to return to if the files are to blame.
        meanwhile: The limit until then.
        above: Suspects that failed at or below this size tell nothing of the cause.
        since: Nor do those that failed before this time.
        began_at: When the limit was cut.
        failed: Suspects that failed again.
    """

    limit: int
    meanwhile: int
    above: int
    since: datetime
    began_at: datetime
    failed: int = 0


@dataclass(frozen=True, slots=True)
class ImportsLimit:
    """The record at ``breaker/imports``. The defaults are a new one.

    Attributes:
        limit: Imports that may be in progress; 0 for the preset.
        grew: Whether the last trial went well.
        trial: The larger limit that is being tried; None without one.
        cut: Imports that failed, of which the cause isn't known yet; None without any.
        harmful: A size at which imports failed for its sake; None if none is known.
        before: The limit before the last growth, until that is judged; None after that.
        speed_before: Imports a second that ended with it.
        seconds: Times of the latest imports since the limit's last change.
        recent: Whether each of the latest imports beyond the preset was indexed, newest last.
        rest_until: No larger limit is tried before this time.
        schema_version: Version of this record's schema.
    """

    limit: int = 0
    grew: bool = False
    trial: Trial | None = None
    cut: Cut | None = None
    harmful: int | None = None
    before: int | None = None
    speed_before: float = 0.0
    seconds: tuple[float, ...] = ()
    recent: tuple[bool, ...] = ()
    rest_until: datetime | None = None
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """An import that became ACTIVE or FAILED.

    Attributes:
        beside: Imports in progress when it was begun, itself included.
        seconds: From its acceptance until it was seen to have ended.
        is_indexed: Whether it became ACTIVE.
        failed_beside: ``beside`` of an earlier import of the file that FAILED beyond the preset; 0
            if none did.
        failed_at: When that was seen; None if none did.
    """

    beside: int
    seconds: float
    is_indexed: bool
    failed_beside: int = 0
    failed_at: datetime | None = None


def limit_of(state: ImportsLimit, preset: int) -> int:
    """Imports that may be in progress, without a trial."""
    return state.cut.meanwhile if state.cut else max(state.limit, preset)


def allowed(state: ImportsLimit, preset: int, *, suspects_wait: bool = False) -> int:
    """Imports that may be in progress once the next one is begun.

    While suspects wait that could tell why imports failed, no others are begun beyond the preset.
    """
    if state.cut and suspects_wait:
        return preset
    trial = state.trial
    return trial.size if trial and not trial.is_reached else limit_of(state, preset)


def tells(state: ImportsLimit, failed_beside: int, failed_at: datetime | None) -> bool:
    """Whether another import of this suspect shows why imports failed."""
    cut = state.cut
    if cut is None or failed_at is None:
        return False
    return failed_at >= cut.since and failed_beside > cut.above


def is_near(size: int, state: ImportsLimit, preset: int) -> bool:
    """Whether so many imports in progress tell something of the limit; fewer are not recorded."""
    return size > limit_of(state, preset) * NEAR


def tried(state: ImportsLimit, preset: int, per_second: float, now: datetime) -> ImportsLimit:
    """The record before imports are planned, of which more are ready than the limit allows.

    Begins a trial if one is due.

    Args:
        state: The record.
        preset: The limit to begin with.
        per_second: Imports that the present pace begins in a second.
        now: The time.
    """
    state = _without_what_is_old(state, now)
    is_resting = state.rest_until is not None and now < state.rest_until
    if state.trial or state.cut or is_resting or len(state.seconds) < SAMPLES:
        return state
    limit = limit_of(state, preset)
    most = int(per_second * _typical(state.seconds) * HEADROOM)
    size = min(int(limit * (GROWTH if state.grew else FIRST_GROWTH)), most)
    if state.harmful is not None:
        size = min(size, (limit + state.harmful) // 2)
    if size <= limit:
        return state
    return replace(state, trial=Trial(size, now))


def begun(state: ImportsLimit, preset: int, sizes: Iterable[int]) -> ImportsLimit:
    """The record after imports were planned; ``sizes`` has how many are in progress with each."""
    trial = state.trial
    beyond = [size for size in sizes if size > limit_of(state, preset)]
    if trial is None or not beyond:
        return state
    reached = trial.is_reached or max(beyond) >= trial.size
    return replace(state, trial=replace(trial, is_reached=reached, begun=trial.begun + len(beyond)))


def ended(
    state: ImportsLimit, preset: int, imports: Iterable[Ended], now: datetime
) -> ImportsLimit:
    """The record after imports have ended."""
    state = _without_what_is_old(state, now)
    for each in imports:
        if each.failed_beside:
            state = _suspect_ended(state, each, now)
        elif each.beside > preset:
            state = _crowded_ended(state, preset, each, now)
        if each.is_indexed and not state.cut and is_near(each.beside, state, preset):
            state = replace(state, seconds=(*state.seconds, each.seconds)[-SAMPLES:])
    return _judged(_trial_judged(state, preset), preset, now)


def _without_what_is_old(state: ImportsLimit, now: datetime) -> ImportsLimit:
    if state.trial and now - state.trial.began_at > PATIENCE:
        state = replace(state, trial=None)
    if state.cut and now - state.cut.began_at > PATIENCE:
        state = _acquitted(state)
    if state.rest_until is not None and now >= state.rest_until:
        state = replace(state, rest_until=None, harmful=None)
    return state


def _crowded_ended(state: ImportsLimit, preset: int, ended: Ended, now: datetime) -> ImportsLimit:
    """After an import that was begun beside more than the preset."""
    if state.cut:  # begun before the cut
        return state
    trial, limit = state.trial, limit_of(state, preset)
    if trial and ended.beside > limit:
        trial = replace(
            trial,
            indexed=trial.indexed + ended.is_indexed,
            failed=trial.failed + (not ended.is_indexed),
        )
        share = trial.failed / (trial.indexed + trial.failed)
        if trial.failed >= FEW_FAILED and share >= FAILED_SHARE:
            return _cut(state, Cut(limit, limit, limit, trial.began_at, now))
        return replace(state, trial=trial)
    recent = (*state.recent, ended.is_indexed)[-RECENT:]
    if recent.count(False) >= MANY_FAILED:
        return _cut(state, Cut(limit, preset, preset, now - timedelta(seconds=ended.seconds), now))
    return replace(state, recent=recent)


def _cut(state: ImportsLimit, cut: Cut) -> ImportsLimit:
    return replace(state, cut=cut, grew=False, trial=None, before=None, seconds=(), recent=())


def _suspect_ended(state: ImportsLimit, ended: Ended, now: datetime) -> ImportsLimit:
    cut = state.cut
    if cut is None or not tells(state, ended.failed_beside, ended.failed_at):
        return state
    if ended.is_indexed:
        harmful, rest_until = ended.failed_beside, now + REST
        return replace(state, cut=None, limit=cut.meanwhile, harmful=harmful, rest_until=rest_until)
    cut = replace(cut, failed=cut.failed + 1)
    return _acquitted(state) if cut.failed >= SUSPECTS else replace(state, cut=cut)


def _acquitted(state: ImportsLimit) -> ImportsLimit:
    """The record after the files were found to blame, or nothing was found."""
    limit = state.cut.limit if state.cut else state.limit
    return replace(state, cut=None, limit=limit)


def _trial_judged(state: ImportsLimit, preset: int) -> ImportsLimit:
    """The record with the trial's size as its limit, once all of its imports have ended."""
    trial, limit = state.trial, limit_of(state, preset)
    if trial is None or not trial.is_reached or trial.indexed + trial.failed < trial.begun:
        return state
    speed = limit / _typical(state.seconds) if state.seconds else 0.0
    return replace(
        state,
        limit=trial.size,
        grew=True,
        trial=None,
        before=limit,
        speed_before=speed,
        seconds=(),
    )


def _judged(state: ImportsLimit, preset: int, now: datetime) -> ImportsLimit:
    """The record with the limit before, if imports end no faster with the new one."""
    if state.before is None or len(state.seconds) < SAMPLES:
        return state
    limit = limit_of(state, preset)
    speed = limit / _typical(state.seconds)
    growth = limit / state.before - 1
    if speed >= state.speed_before * (1 + growth * GAIN):
        return replace(state, before=None)
    return replace(
        state, limit=state.before, grew=False, before=None, seconds=(), rest_until=now + REST
    )


def _typical(seconds: Sequence[float]) -> float:
    """The mean of the middle half: as robust as the median, and finer where times are whole."""
    quarter = len(seconds) // 4
    return fmean(sorted(seconds)[quarter : len(seconds) - quarter])
