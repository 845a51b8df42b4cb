"""The custom metadata of a document, from its file's name, object and sidecar.

There are three sources: the fields of the path template, the object's custom metadata, and the
sidecar ``<name>.meta.json`` (``Kinetics.md.meta.json``). For each key, a later source wins.

- Numbers become numeric values; integers beyond 2**53, which doubles don't hold exactly, become
  text. True and false become ``"true"`` and ``"false"``; a list of scalars becomes a list of
  strings.
- If a field is declared numeric (``{year:int}`` in the template or the expected fields), its text
  becomes a number. Text that is not of the declared kind stays text and is reported.
- A map inside a sidecar is flattened once: ``{"author": {"name": ...}}`` gives ``author.name``.
  Deeper maps are reported and left out.
- Null and empty values are left out without a report, and don't erase an earlier source's value.
- A key may have letters, digits, ``_``, ``-`` and ``.`` (ASCII only, so that a filter can name it).
  Other characters are replaced by ``_`` and reported. A key of other characters only is left out.
- Five reserved entries are always present and can't be overridden: path, content_hash, content_key,
  owner and quality_score.
- A document has at most twenty entries: first the reserved ones, then the expected fields in their
  order, then the rest by key. Entries left out are reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.ids import digest
from shared.domain.source.content_encoding import Packing, packing_of
from shared.domain.source.metadata_value import Value, ValueKind, path_value, read_value
from shared.domain.source.object_info import ObjectInfo
from shared.domain.source.path_template import Field, FieldKind, PathTemplate

MAX_ENTRIES: Final = 20
"""Most entries per document. Source: Gemini API reference, Document.custom_metadata."""

MAX_KEY_LENGTH: Final = 64
"""Most characters of a key. Our own choice; Google documents no limit."""

MAX_SIDECAR_SIZE: Final = 65_536
"""Bytes. Our own choice: a sidecar is read into memory, and twenty entries take far less."""

MAX_REPORTS: Final = 20
"""Most reports per file; limited since they are kept in the file's record."""

RESERVED_KEYS: Final = ("path", "content_hash", "content_key", "owner", "quality_score")
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
SIDECAR_SUFFIX: Final = ".meta.json"

# Cloud Storage clients store these among the user's metadata: file times, whose changes mean
# nothing, and Firebase's download token, which is a secret.
_FOREIGN_KEYS = re.compile(r"goog-reserved-.*|firebaseStorageDownloadTokens")
_BAD_KEY_CHARACTER = re.compile(r"[^A-Za-z0-9_.-]")
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
    """

    template: PathTemplate | None
    expected_fields: Sequence[str]
    info: ObjectInfo
    sidecar: ObjectInfo | None = None

    def digest(self) -> str:
        """SHA-256 (hex) of all sources; made without reading the sidecar.

        A new digest with the same content means that only metadata changed. The path is left out,
        since it is part of the content key.
        """
        return digest(
            "metadata",
            _MAPPING_VERSION,
            self.template.text if self.template else None,
            _users_own(self.info.metadata),
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
        kinds = dict(self.template.kinds) if self.template else {}
        kinds |= {name: kind for name, kind in expected.items() if kind is not FieldKind.STR}
        sources: dict[str, Mapping[str, object]] = {
            "path": self.template.match(document.path) if self.template else {},
            "object metadata": _users_own(self.info.metadata),
            "sidecar": _read_sidecar(sidecar, reports),
        }
        found: dict[str, Value] = {}
        for source, raw in sources.items():
            found |= _read(source, raw, kinds, reports)
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


def sidecar_name(path: str) -> str:
    """The name of the sidecar of `path`: ``a.md`` -> ``a.md.meta.json``."""
    return path + SIDECAR_SUFFIX


def is_sidecar(path: str) -> bool:
    """Whether `path` is the name of a sidecar; ``.meta.json`` alone has no base and isn't one."""
    name = path.rpartition("/")[2]
    return name.endswith(SIDECAR_SUFFIX) and name != SIDECAR_SUFFIX


def base_name(sidecar_path: str) -> str:
    """The name of the file that a sidecar describes; raises ValueError if it isn't a sidecar."""
    if not is_sidecar(sidecar_path):
        raise ValueError(f"{sidecar_path!r} is not the name of a sidecar")
    return sidecar_path.removesuffix(SIDECAR_SUFFIX)


def _users_own(object_metadata: Mapping[str, str]) -> dict[str, str]:
    return {
        key: value for key, value in object_metadata.items() if _FOREIGN_KEYS.fullmatch(key) is None
    }


def _read_sidecar(sidecar: bytes | None, reports: list[str]) -> Mapping[str, object]:
    if sidecar is None:
        return {}
    if len(sidecar) > MAX_SIDECAR_SIZE:
        reports.append(f"sidecar: not read, since it has more than {MAX_SIDECAR_SIZE} bytes")
        return {}
    try:
        content: object = json.loads(sidecar)
    except (ValueError, RecursionError):
        reports.append("sidecar: not valid JSON, ignored")
        return {}
    if not isinstance(content, dict):
        reports.append("sidecar: not a JSON object, ignored")
        return {}
    return content


def _read(
    source: str,
    raw: Mapping[str, object],
    kinds: Mapping[str, FieldKind],
    reports: list[str],
) -> dict[str, Value]:
    """The usable entries of one source; appends to `reports` what is wrong with the others."""
    found: dict[str, Value] = {}
    for raw_key, raw_value in _flatten(raw):
        key = _BAD_KEY_CHARACTER.sub("_", raw_key)[:MAX_KEY_LENGTH]
        label = f"{source}: {raw_key[:MAX_KEY_LENGTH]!r}"
        if raw_key in RESERVED_KEYS or key in RESERVED_KEYS:
            reports.append(f"{label} is a reserved key, ignored")
            continue
        if not _BAD_KEY_CHARACTER.sub("", raw_key):
            reports.append(f"{label} has no character that a key may have, left out")
            continue
        value = read_value(raw_value, kinds.get(key, FieldKind.STR), label, reports)
        if value is None:
            continue
        if key != raw_key:
            reports.append(f"{label} became the key {key}")
        found[key] = value
    return found


def _flatten(raw: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in raw.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", content) for inner, content in value.items())
        else:
            yield key, value
