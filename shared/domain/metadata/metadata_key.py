"""Keys of metadata: what a source's names become, and which value a key gets.

Names that differ may become one key. Then one value is left out and reported. Within a source the
name that is the key itself wins, then a name that isn't inside another field, then the first by
code points. A later source wins over an earlier one; only for different names is that reported.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.metadata.metadata_value import Value, read_value
from shared.domain.metadata.path_template import FieldKind
from shared.domain.source.object_name import composed

MAX_KEY_LENGTH: Final = 64
"""Most characters of a key. Our own choice; Google documents no limit."""

RESERVED_KEYS: Final = ("path", "content_hash", "content_key", "owner", "quality_score")

_BAD_CHARACTER = re.compile(r"[^A-Za-z0-9_.-]")
_SHOWN = 2 * MAX_KEY_LENGTH
"""Most characters of a name in a report: more than a key has, to tell names of one key apart."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a source: its name, the field around it (empty for none), and what it holds."""

    name: str
    outer: str
    content: object

    @property
    def key(self) -> str:
        return _BAD_CHARACTER.sub("_", composed(self.name))[:MAX_KEY_LENGTH]

    @property
    def rank(self) -> tuple[bool, bool, str]:
        """Of fields with the same key, the one with the least rank is used."""
        return self.name != self.key, bool(self.outer), self.name

    def __str__(self) -> str:
        inner = self.name[len(self.outer) + 1 :] if self.outer else self.name
        return shown(inner) + (f" in {shown(self.outer)}" if self.outer else "")


def shown(name: str) -> str:
    """A name in quotes, as a report shows it."""
    return repr(name[:_SHOWN])


def merged(
    sources: Mapping[str, Mapping[str, object]],
    kinds: Mapping[str, FieldKind],
    reports: list[str],
) -> dict[str, Value]:
    """The value of each key.

    Args:
        sources: Names and contents by the source's name in reports; a later one wins.
        kinds: The declared kinds, by key.
        reports: Receives what is wrong with a field, or left out.
    """
    values: dict[str, Value] = {}
    used: dict[str, tuple[str, _Field]] = {}
    for source, raw in sources.items():
        for key, (field, value) in _read(source, raw, kinds, reports).items():
            if key in used and composed(used[key][1].name) != composed(field.name):
                earlier, other = used[key]
                reports.append(
                    f"{earlier}: {other} has the key {key} of {field} ({source}), left out"
                )
            values[key], used[key] = value, (source, field)
    return values


def _read(
    source: str,
    raw: Mapping[str, object],
    kinds: Mapping[str, FieldKind],
    reports: list[str],
) -> dict[str, tuple[_Field, Value]]:
    """The usable fields of one source by key; `reports` receives what is wrong with the others."""
    usable: defaultdict[str, list[tuple[_Field, Value]]] = defaultdict(list)
    for field in _flatten(raw):
        key, label = field.key, f"{source}: {field.name[:MAX_KEY_LENGTH]!r}"
        if field.name in RESERVED_KEYS or key in RESERVED_KEYS:
            reports.append(f"{label} is a reserved key, ignored")
            continue
        if not _BAD_CHARACTER.sub("", composed(field.name)):
            reports.append(f"{label} has no character that a key may have, left out")
            continue
        value = read_value(field.content, kinds.get(key), label, reports)
        if value is None:
            continue
        usable[key].append((field, value))
        if key != field.name:
            reports.append(f"{label} became the key {key}")
    found = {}
    for key, fields in usable.items():
        (first, value), *others = sorted(fields, key=lambda each: each[0].rank)
        found[key] = (first, value)
        reports += [
            f"{source}: {other} has the key {key} of {first}, left out" for other, _ in others
        ]
    return found


def _flatten(raw: Mapping[str, object]) -> Iterator[_Field]:
    for name, content in raw.items():
        if isinstance(content, dict):
            yield from (_Field(f"{name}.{inner}", name, each) for inner, each in content.items())
        else:
            yield _Field(name, "", content)
