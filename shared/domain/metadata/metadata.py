"""The custom metadata of a document, from its file's name, object and sidecar.

There are three sources: the fields of the path template, the object's custom metadata, and the
sidecar ``<name>.meta.json`` (``Kinetics.md.meta.json``). For each key, a later source wins.

- Numbers become numeric values; integers beyond 2**53, which doubles don't hold exactly, become
  text. True and false become ``"true"`` and ``"false"``; a list of scalars becomes a list of
  strings.
- A declared kind (``{year:int}`` in the template or the expected fields) holds for text, numbers,
  true, false and each value of a list. Text becomes a number if the kind is numeric, and a number
  becomes text if the kind is text. What is not of the declared kind is kept as text and reported.
- A map inside a sidecar is flattened once: ``{"author": {"name": ...}}`` gives ``author.name``.
  Deeper maps are reported and left out.
- Null and empty values are left out without a report, and don't erase an earlier source's value.
- A key may have letters, digits, ``_``, ``-`` and ``.`` (ASCII only, so that a filter can name it).
  Other characters are replaced by ``_`` and reported. A key of other characters only is left out.
  If names become one key, ``metadata_key`` says which is used; the others are reported.
- Five reserved entries are always present and can't be overridden: path, content_hash, content_key,
  owner and quality_score.
- A document has at most twenty entries: first the reserved ones, then the expected fields in their
  order, then the rest by key. Entries left out are reported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from shared.domain.ids import digest
from shared.domain.metadata import metadata_key
from shared.domain.metadata.metadata_key import merged, shown
from shared.domain.metadata.metadata_value import MAX_VALUE_LENGTH, Value, ValueKind, path_value
from shared.domain.metadata.path_template import Field, FieldKind, PathTemplate
from shared.domain.metadata.tool_metadata import MetadataNames
from shared.domain.source.content_encoding import Packing, packing_of
from shared.domain.source.object_info import ObjectInfo
from shared.domain.source.sidecar_name import MAX_SIDECAR_SIZE

MAX_ENTRIES: Final = 20
"""Most entries per document. Source: Gemini API reference, Document.custom_metadata."""

MAX_KEY_LENGTH: Final = metadata_key.MAX_KEY_LENGTH
RESERVED_KEYS: Final = metadata_key.RESERVED_KEYS

MAX_REPORTS: Final = 20
"""Most reports per file; limited since they are kept in the file's record."""

DEFAULT_EXPECTED_FIELDS: Final = (
    "category",
    "course",
    "difficulty",
    "quarter",
    "date:date",
    "year:int",
    "week:int",
    "title",
)

# Increase it if the mapping changes and documents already imported should get the new result.
_MAPPING_VERSION = 1


@dataclass(frozen=True, slots=True)
class MetadataEntry:
    """A key with its value."""

    key: str
    value: Value

    @property
    def kind(self) -> ValueKind:
        """The API field that carries the value."""
        return ValueKind.of(self.value)


class MetadataQuality(StrEnum):
    """How many of the expected fields a file has: all, half or more, at least one, or none.

    UNKNOWN means that no fields are expected.
    """

    COMPLETE = "complete"
    PARTIAL = "partial"
    MINIMAL = "minimal"
    NONE = "none"
    UNKNOWN = "unknown"

    @property
    def score(self) -> int:
        """The value of the entry quality_score, from 0 to 100."""
        return _SCORES[self]

    @classmethod
    def rate(cls, present: int, expected: int) -> MetadataQuality:
        """The quality of a file with `present` of its `expected` fields."""
        if expected == 0:
            return cls.UNKNOWN
        if present == expected:
            return cls.COMPLETE
        if present * 2 >= expected:
            return cls.PARTIAL
        return cls.MINIMAL if present else cls.NONE


_SCORES = {
    MetadataQuality.COMPLETE: 100,
    MetadataQuality.PARTIAL: 75,
    MetadataQuality.MINIMAL: 50,
    MetadataQuality.NONE: 25,
    MetadataQuality.UNKNOWN: 0,
}


@dataclass(frozen=True, slots=True)
class CustomMetadata:
    """The metadata of a document, its quality, and reports for people."""

    entries: tuple[MetadataEntry, ...]
    quality: MetadataQuality
    reports: tuple[str, ...]
    """What was changed, left out or unreadable, one sentence each; at most `MAX_REPORTS`."""


@dataclass(frozen=True, slots=True)
class DocumentIdentity:
    """The file, content and deployment of a document, for the reserved entries.

    Attributes:
        path: The object's name relative to the prefix.
        content_hash: Hash of the content, as the bucket gives it.
        content_key: See ``ids.content_key``.
        owner: See ``ids.owner_tag``.
    """

    path: str
    content_hash: str
    content_key: str
    owner: str


@dataclass(frozen=True, slots=True)
class MetadataSources:
    """Everything that a document's metadata is made from; a new source is to be added here.

    Attributes:
        template: Reads metadata from the path; None if none is configured.
        expected_fields: ``name`` or ``name:kind``, the most important first.
        info: The object, with its own custom metadata.
        sidecar: Its sidecar; None where it has none.
        names: Which names of the object's metadata are left out.
    """

    template: PathTemplate | None
    expected_fields: Sequence[str]
    info: ObjectInfo
    sidecar: ObjectInfo | None = None
    names: MetadataNames = field(default_factory=MetadataNames)

    def digest(self) -> str:
        """SHA-256 (hex) of all sources; made without reading the sidecar.

        A new digest with the same content means that only metadata changed. The path is left out,
        since it is part of the content key.
        """
        return digest(
            "metadata",
            _MAPPING_VERSION,
            self.template.text if self.template else None,
            self._users_own,
            self.sidecar.content_hash if self.sidecar else None,
            list(self.expected_fields),
            *self._decoded(),
        )

    def _decoded(self) -> list[list[bool]]:
        """Whether the object and its sidecar are decoded; nothing if neither is."""
        sources = [each for each in (self.info, self.sidecar) if each]
        packed = [packing_of(each.content_encoding) is Packing.GZIP for each in sources]
        return [packed] if any(packed) else []

    def entries(self, document: DocumentIdentity, sidecar: bytes | None) -> CustomMetadata:
        """Merge the sources. Unusable values are reported and never raise an error.

        Args:
            document: The values of the reserved entries.
            sidecar: The bytes of the sidecar, of which one more than `MAX_SIDECAR_SIZE` are
                enough; None without a sidecar.

        Raises:
            ValueError: An expected field is malformed; see ``parse_expected_fields``.
        """
        reports: list[str] = []
        expected = parse_expected_fields(self.expected_fields)
        sources: dict[str, Mapping[str, object]] = {
            "path": self.template.match(document.path) if self.template else {},
            "object metadata": self._users_own,
            "sidecar": _read_sidecar(sidecar, reports),
        }
        found = merged(sources, self._declared_kinds(expected), reports)
        quality = MetadataQuality.rate(sum(name in found for name in expected), len(expected))
        entries = _reserved(document, quality)
        ranked = [name for name in expected if name in found]
        ranked += sorted(found.keys() - expected.keys())
        room = MAX_ENTRIES - len(entries)
        entries += [MetadataEntry(name, found[name]) for name in ranked[:room]]
        if dropped := ranked[room:]:
            reports.insert(0, f"left out beyond {MAX_ENTRIES} entries: {_named(dropped)}")
        if len(reports) > MAX_REPORTS:
            reports[MAX_REPORTS - 1 :] = [f"and {len(reports) - MAX_REPORTS + 1} more"]
        return CustomMetadata(tuple(entries), quality, tuple(reports))

    def _declared_kinds(self, expected: Mapping[str, FieldKind]) -> dict[str, FieldKind]:
        """Kind by name of the fields that have one; text is a field's kind only if it says so."""
        template = self.template.text if self.template else ""
        kinds = {
            name: kind
            for name, kind in (self.template.kinds if self.template else {}).items()
            if kind is not FieldKind.STR or f"{{{name}:{kind}}}" in template
        }
        return kinds | {
            name: kind
            for name, kind in expected.items()
            if kind is not FieldKind.STR or f"{name}:{kind}" in self.expected_fields
        }

    @property
    def _users_own(self) -> dict[str, str]:
        """The object's metadata without what tools wrote; an expected field is always kept."""
        expected = tuple(text.partition(":")[0] for text in self.expected_fields)
        names = replace(self.names, kept=(*self.names.kept, *expected))
        return {
            name: value for name, value in self.info.metadata.items() if not names.leaves_out(name)
        }


def _reserved(document: DocumentIdentity, quality: MetadataQuality) -> list[MetadataEntry]:
    values: tuple[Value, ...] = (
        path_value(document.path),
        document.content_hash,
        document.content_key,
        document.owner,
        float(quality.score),
    )
    return [MetadataEntry(*entry) for entry in zip(RESERVED_KEYS, values, strict=True)]


def _named(dropped: Sequence[str]) -> str:
    return ", ".join(dropped[:5]) + (f" and {len(dropped) - 5} more" if dropped[5:] else "")


def parse_expected_fields(fields: Sequence[str]) -> dict[str, FieldKind]:
    """Name -> kind of each expected field, in order; raises ValueError, which says why."""
    expected: dict[str, FieldKind] = {}
    for text in fields:
        parsed = Field.parse(text)
        if parsed.kind is FieldKind.PATH:
            raise ValueError(f"expected field {text!r}: kind path is for templates only")
        if parsed.name in RESERVED_KEYS:
            raise ValueError(f"expected field {text!r} is reserved and always present; remove it")
        if parsed.name in expected:
            raise ValueError(f"expected field {text!r} occurs twice; remove one")
        expected[parsed.name] = parsed.kind
    return expected


def _read_sidecar(sidecar: bytes | None, reports: list[str]) -> Mapping[str, object]:
    if sidecar is None:
        return {}
    if len(sidecar) > MAX_SIDECAR_SIZE:
        reports.append(f"sidecar: not read, since it has more than {MAX_SIDECAR_SIZE} bytes")
        return {}
    twice: dict[str, None] = {}

    def last_of_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        twice.update(dict.fromkeys(name for name in names if names.count(name) > 1))
        return dict(pairs)

    try:
        content: object = json.loads(
            sidecar, object_pairs_hook=last_of_each, parse_int=_integer_or_text
        )
    except (ValueError, RecursionError):
        reports.append("sidecar: not valid JSON, ignored")
        return {}
    if not isinstance(content, dict):
        reports.append("sidecar: not a JSON object, ignored")
        return {}
    reports += [f"sidecar: {shown(name)} occurs twice, the last one counts" for name in twice]
    return content


def _integer_or_text(digits: str) -> int | str:
    """An integer of JSON; one longer than any value stays text, which Python would not convert."""
    return int(digits) if len(digits) <= MAX_VALUE_LENGTH else digits
