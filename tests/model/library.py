"""The model: what the bucket holds, what the last sync saw, and what the next one must do."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

from shared.domain.metadata.metadata import RESERVED_KEYS

SIDECAR = ".meta.json"

UNSUPPORTED = ".png"


@dataclass(frozen=True, slots=True)
class Object:
    """One object of the bucket."""

    content: bytes
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """The document that a sync makes of one name; without a document no field is set.

    ``sidecar`` identifies the sidecar's content: another sidecar with the same fields makes another
    document.
    """

    md5: str = ""
    sha256: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    own_metadata: Mapping[str, str] = field(default_factory=dict, compare=False)
    sidecar: bytes | None = field(default=None, compare=False)

    @property
    def is_document(self) -> bool:
        return bool(self.md5)


SKIPPED = Entry()


def stored(metadata: Mapping[str, object], sha256: str) -> tuple[str, Entry]:
    """The path of a document of the store, and the document."""
    own = {key: str(value) for key, value in metadata.items() if key not in RESERVED_KEYS}
    md5 = str(metadata["content_hash"]).removeprefix("md5:")
    return str(metadata["path"]), Entry(md5, sha256, own)


@dataclass
class Library:
    """The bucket, and what the store holds since the last sync.

    Attributes:
        objects: The bucket, by name.
        entries: What the last sync made of each object, by name.
    """

    objects: dict[str, Object] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)

    def bases(self) -> list[str]:
        """Names of the objects that are not sidecars, sorted."""
        return sorted(name for name in self.objects if not name.endswith(SIDECAR))

    def documents(self, prefix: str = "") -> dict[str, Entry]:
        """The documents that the store must hold now, by path."""
        return {
            name: entry
            for name, entry in self._wanted().items()
            if entry.is_document and name.startswith(prefix)
        }

    def expected(self, prefix: str = "") -> dict[str, int]:
        """The figures of the next sync's summary; missing ones are 0."""
        now = _below(prefix, self._wanted())
        before = _below(prefix, self.entries)
        kinds = Counter(_change(before.get(name), now.get(name)) for name in now.keys() | before)
        stored = [name for name, entry in before.items() if entry.is_document]
        gone = sum(not now.get(name, SKIPPED).is_document for name in stored)
        imported = kinds["new"] + kinds["changed"] + kinds["metadata_changed"]
        return {**kinds, "scanned": len(now), "indexed": imported, "deleted": gone}

    def synced(self, prefix: str = "") -> None:
        """Record that a sync is complete."""
        kept = {name: each for name, each in self.entries.items() if not name.startswith(prefix)}
        self.entries = kept | _below(prefix, self._wanted())

    def _wanted(self) -> dict[str, Entry]:
        used = {self._sidecar_of(name) for name in self.objects}
        return {
            name: self._entry(name, each) for name, each in self.objects.items() if name not in used
        }

    def _sidecar_of(self, name: str) -> str | None:
        """The name of the sidecar that describes an object: the exact one, else another form."""
        exact = name + SIDECAR
        folders, slash, last = exact.rpartition("/")
        mixed = product(_in_both_forms(folders), _in_both_forms(last))
        forms = (exact, *_in_both_forms(exact), *(slash.join(parts) for parts in mixed))
        return next((form for form in forms if form in self.objects), None)

    def _entry(self, name: str, found: Object) -> Entry:
        if not found.content or name.endswith((UNSUPPORTED, SIDECAR)):
            return SKIPPED
        described_by = self._sidecar_of(name)
        sidecar = self.objects[described_by] if described_by else None
        described = json.loads(sidecar.content) if sidecar else {}
        return Entry(
            md5=hashlib.md5(found.content, usedforsecurity=False).hexdigest(),
            sha256=hashlib.sha256(found.content).hexdigest(),
            metadata={**found.metadata, **described},
            own_metadata=found.metadata,
            sidecar=sidecar.content if sidecar else None,
        )


def _below(prefix: str, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    return {name: entry for name, entry in entries.items() if name.startswith(prefix)}


def _change(before: Entry | None, now: Entry | None) -> str:
    if now is None:
        return "removed"
    if not now.is_document:
        return "skipped"
    if before is None or not before.is_document:
        return "new"
    if before.md5 != now.md5:
        return "changed"
    described = (before.own_metadata, before.sidecar) == (now.own_metadata, now.sidecar)
    return "unchanged" if described else "metadata_changed"


def _in_both_forms(text: str) -> tuple[str, ...]:
    return unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
