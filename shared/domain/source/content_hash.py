"""The hashes that Cloud Storage knows of an object, and whether two contents are the same.

Which kinds are known depends on how the object was written: a composite object has no MD5, and of
an object under a customer-supplied key, readers without the key learn neither kind.
"""

from __future__ import annotations

from dataclasses import dataclass

MD5 = "md5:"
CRC32C = "crc32c:"
GENERATION = "generation:"


@dataclass(frozen=True, slots=True)
class Hashes:
    """Hashes of one content as lower-case hex; empty if not known."""

    md5: str = ""
    crc32c: str = ""

    def content_hash(self, generation: int) -> str:
        """The hash that stands for the content: ``md5:<hex>``, else ``crc32c:<hex>``.

        If neither is known, ``generation:<number>``, so that each version counts as another one.
        """
        if self.md5:
            return MD5 + self.md5
        return CRC32C + self.crc32c if self.crc32c else f"{GENERATION}{generation}"

    def with_known(self, other: Hashes) -> Hashes:
        """These hashes, and those of ``other`` for the kinds that aren't known here."""
        return Hashes(self.md5 or other.md5, self.crc32c or other.crc32c)

    def agree(self, other: Hashes) -> bool:
        """Whether the best kind that both sides know is the same; False if they share none."""
        if self.md5 and other.md5:
            return self.md5 == other.md5
        return bool(self.crc32c) and self.crc32c == other.crc32c


NO_HASHES = Hashes()


def hashes_of(content_hash: str, more: Hashes) -> Hashes:
    """All hashes that are known: ``more``, and the one that ``content_hash`` names."""
    if content_hash.startswith(MD5):
        return Hashes(md5=content_hash.removeprefix(MD5)).with_known(more)
    if content_hash.startswith(CRC32C):
        return Hashes(crc32c=content_hash.removeprefix(CRC32C)).with_known(more)
    return more
