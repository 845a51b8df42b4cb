"""Remembered ranges of names: an unchanged one needs no look at its records."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RememberedRange:
    """At ``ranges/{sha256(start)}``: what start <= name < end (empty: no bound) looked like.

    ``listing`` digests what the bucket listed, ``settings`` what shaped the decisions; where both
    are as they were, every record of the range is as it has to be. ``counts`` are what a scan of
    it then counts. Ranges never overlap.
    """

    start: str
    end: str
    listing: str
    settings: str
    schema_version: int = 1
    counts: dict[str, int] = field(default_factory=dict)

    def says(self, listing: str, settings: str) -> bool:
        """Whether nothing has changed."""
        return (self.listing, self.settings) == (listing, settings)
