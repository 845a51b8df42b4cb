"""How many documents the records hold, by the scan's own counts: so they needn't be counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of a sync at which scan, records and store agreed, when the records were counted.

    While ``failed`` and ``kept`` are the same, the next scan's figures tell how many documents the
    records hold.

    Attributes:
        failed: Failed files.
        kept: Skipped files that may keep a document.
        without: Documents that the scan expected and the records didn't hold.
    """

    failed: int
    kept: int
    without: int


def settled(scanned: int | None, held: int, failed: int, kept: int) -> Settled | None:
    """What the next sync may go by; None if nothing.

    What neither failed nor kept files explain will pass: a removal that waits, a file that its
    upload skipped, one that is left to the next sync.

    Args:
        scanned: Documents that the scan expected; None if it can't tell.
        held: Documents that the records hold.
        failed: Failed files.
        kept: Skipped files that may keep a document.
    """
    if scanned is None or not -kept <= scanned - held <= failed:
        return None
    return Settled(failed, kept, scanned - held)


def held_by_scan(scanned: int | None, last: Settled | None, failed: int, kept: int) -> int | None:
    """Documents that the records hold by the scan's counts; None if these can't tell.

    Args:
        scanned: Documents that the scan expected; None if it can't tell.
        last: What the last sync left to go by.
        failed: Failed files.
        kept: Skipped files that may keep a document.
    """
    if scanned is None:
        return None
    if last is not None and (last.failed, last.kept) == (failed, kept):
        return scanned - last.without
    return None if failed or kept else scanned
