"""How far the store's own count of documents is believed.

The count may lag behind what the store holds, and a document may land between a listing and the
count. So a difference from the records is explained only by what a listing has shown, and a count
that was wrong before is no reason to list the store at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class CountTrust:
    """What is known of the count. A *difference* is the count less the documents in the records.

    Attributes:
        doubted: A difference at the end of the last sync that nothing explains yet; None without
            one. If the next sync still finds it at its start, the store is listed.
        vain: A difference that was there both before and after a listing that didn't show it; None
            without one. The same difference causes no other listing until the next regular one.
        lags: Whether the latest listing that a difference caused found nothing to repair. Then
            the next differences are doubted first.
    """

    doubted: int | None = None
    vain: int | None = None
    lags: bool = False

    def is_to_be_listed_now(self, difference: int, foreign: int) -> bool:
        """Whether this difference at a sync's end leads to a listing at once.

        ``foreign`` is the number of foreign documents that were listed last.
        """
        return not self.lags and difference not in (foreign, self.vain)

    def persists(self, difference: int, foreign: int) -> bool:
        """Whether a doubt is left at the start of a sync, so that the store is to be listed."""
        return self.doubted is not None and difference not in (foreign, self.vain)

    def at_end(self, difference: int, foreign: int) -> CountTrust:
        """After a sync that did not list the store."""
        if difference == foreign:
            return replace(self, doubted=None, vain=None)
        return replace(self, doubted=None if difference == self.vain else difference)

    def after_listing(
        self, cause: int | None, difference: int, foreign: int, *, repaired: bool
    ) -> CountTrust:
        """After a complete listing.

        Args:
            cause: The difference that caused the listing; None if none did.
            difference: The difference now.
            foreign: The number of foreign documents that the listing showed.
            repaired: Whether the listing found anything that the records didn't know.
        """
        lags = self.lags if cause is None else not repaired
        if difference == foreign:
            return CountTrust(lags=lags)
        is_vain = not repaired and (difference == self.vain or cause == difference == self.doubted)
        vain = difference if is_vain else None
        return CountTrust(None if is_vain else difference, vain, lags)
