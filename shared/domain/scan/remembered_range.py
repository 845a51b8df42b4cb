"""Remembered ranges of names: what makes a range unchanged, so its records need not be read."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.ids import digest
from shared.domain.source.object_info import ObjectInfo


@dataclass(frozen=True, slots=True)
class RememberedRange:
    """A range of names as it was last scanned, at ``ranges/{sha256(start)}``.

    If both digests are still the same, every record of the range is up to date. Ranges never
    overlap.

    Attributes:
        start: First name of the range.
        end: First name after the range; empty for no bound.
        listing: Digest of what the bucket listed.
        settings: Digest of the settings that the decisions depend on.
        schema_version: Version of this record's schema.
        counts: What a scan of the unchanged range counts.
    """

    start: str
    end: str
    listing: str
    settings: str
    schema_version: int = 1
    counts: dict[str, int] = field(default_factory=dict)

    def says(self, listing: str, settings: str) -> bool:
        """Whether the range has not changed."""
        return (self.listing, self.settings) == (listing, settings)


def listing_digest(objects: list[ObjectInfo], sidecars: dict[str, ObjectInfo]) -> str:
    """A digest of all that a page's decisions depend on: its objects and all of their sidecars."""
    return digest(
        "listing",
        [info.identity for info in objects],
        [info.identity for _, info in sorted(sidecars.items())],
    )
