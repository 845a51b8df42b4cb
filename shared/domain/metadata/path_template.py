"""Path templates read metadata from an object's name.

The template ``{category}/{course}/{year:int}/week-{week:int} {title}`` applied to the name
``science/chemistry/2025/week-7 Kinetics.md`` gives category, course, year 2025, week 7 and title.

- A field is ``{name}`` or ``{name:kind}``; kinds are str (default), int, float, date and path.
- A field is never empty and holds no ``/``. Only ``{name:path}`` may: it is the whole first or last
  segment of the template, and takes as many segments as are left over.
- Text fields match as little as possible: ``{a}-{b}`` splits ``x-y-z`` into ``x`` and ``y-z``.
  Numbers match as much as possible, up to fifteen digits, so that each is exact as a double.
- A date is an ISO date (``2025-03-09``) and stays a string.
- All other text must match exactly, case included. Names and templates are compared in composed
  form (NFC), which the values have too.
- A file extension in the name is ignored unless the last segment of the template has one.

Matching takes time linear in the length of the name: each text field, with what follows it up to
the next text field, is an atomic group, into which the matcher never backtracks. This loses no
match, since a text field that fails from one position fails from every later position as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from shared.domain.source.media_types import extension_of
from shared.domain.source.object_name import composed


class InvalidPathTemplate(ValueError):
    """The template can't be used; the message says what is wrong, where, and how to correct it."""


class FieldKind(StrEnum):
    """Kind of a field's value, named as in a template."""

    STR = "str"
    INT = "int"
    FLOAT = "float"
    DATE = "date"
    PATH = "path"

    def read(self, text: str) -> str | int | float | None:
        """`text` as a value of this kind; None if it isn't one."""
        if self in _PATTERNS and re.fullmatch(_PATTERNS[self], text) is None:
            return None
        if self is FieldKind.INT:
            return int(text)
        if self is FieldKind.FLOAT:
            return float(text)
        if self is FieldKind.DATE and not _is_calendar_date(text):
            return None
        return text


_PATTERNS = {
    FieldKind.INT: r"-?[0-9]{1,15}(?![0-9])",
    FieldKind.FLOAT: r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?(?![0-9])",
    FieldKind.DATE: r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])",
}
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_TOKEN = re.compile(r"\{(?P<field>[^{}]*)\}|(?P<literal>[^{}]+)|(?P<stray>[{}])")


@dataclass(frozen=True, slots=True)
class Field:
    """One named field of a template."""

    name: str
    kind: FieldKind

    @classmethod
    def parse(cls, text: str) -> Field:
        """Parse ``name`` or ``name:kind``; raises ValueError, which says what is wrong."""
        name, colon, kind = text.partition(":")
        if not name:
            raise ValueError("a field has no name; write name or name:kind")
        if _FIELD_NAME.fullmatch(name) is None:
            raise ValueError(
                f"{name!r} is not a field name; use up to 64 letters, digits and '_', "
                "beginning with a letter or '_'"
            )
        if colon and kind not in set(FieldKind):
            raise ValueError(f"{kind!r} is not a kind of field; use one of {', '.join(FieldKind)}")
        return cls(name, FieldKind(kind) if colon else FieldKind.STR)


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A parsed template; equal to another if their texts are equal."""

    text: str
    kinds: Mapping[str, FieldKind] = field(compare=False)
    """Field name -> kind, in the order of the template."""
    _pattern: re.Pattern[str] = field(compare=False, repr=False)
    _has_extension: bool = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> PathTemplate:
        """Parse a template; raises InvalidPathTemplate."""
        text = composed(text)
        parts = _split(text)
        return cls(
            text=text,
            kinds=MappingProxyType({p.name: p.kind for p in parts if isinstance(p, Field)}),
            _pattern=re.compile(_expression(parts), re.DOTALL),
            _has_extension=_has_extension(parts),
        )

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(self.kinds)

    def match(self, path: str) -> dict[str, str | int | float]:
        """The value of each field in `path`, a name relative to the prefix.

        Empty if the name does not match the template, or if a date does not exist.
        """
        path = composed(path)
        extension = "" if self._has_extension else extension_of(path)
        found = self._pattern.match(path.removesuffix(f".{extension}") if extension else path)
        if found is None:
            return {}
        values: dict[str, str | int | float] = {}
        for name, kind in self.kinds.items():
            value = kind.read(found[name])
            if value is None:
                return {}
            values[name] = value
        return values


def _split(text: str) -> list[str | Field]:
    """Split a template into its literals and fields, in order; raises InvalidPathTemplate."""
    parts: list[str | Field] = []
    for token in _TOKEN.finditer(text):
        if token["stray"]:
            what = "is not closed; add '}'" if token["stray"] == "{" else "is not opened; add '{'"
            raise _invalid(text, token.start(), f"this brace {what}")
        if token["literal"]:
            parts.append(token["literal"])
            continue
        try:
            part = Field.parse(token["field"])
        except ValueError as fault:
            raise _invalid(text, token.start(), str(fault)) from None
        fault_in_place = _fault_in_place(text, token.span(), part, parts)
        if fault_in_place:
            raise _invalid(text, token.start(), fault_in_place)
        parts.append(part)

    if not any(isinstance(part, Field) for part in parts):
        raise _invalid(text, 0, "there is no field to match; write at least one, such as {title}")
    if "//" in f"/{text}/":
        raise _invalid(text, f"/{text}/".index("//"), "a path segment is empty; remove a '/'")
    return parts


def _fault_in_place(
    text: str, span: tuple[int, int], part: Field, before: list[str | Field]
) -> str:
    """What is wrong with a field at its position, after the given parts; empty if nothing is."""
    fields = [other for other in before if isinstance(other, Field)]
    if any(other.name == part.name for other in fields):
        return f"field {part.name!r} occurs twice; rename one of them"
    if before and before[-1] in fields:
        return f"nothing separates {part.name!r} from {fields[-1].name!r}; put text between them"
    if part.kind is not FieldKind.PATH:
        return ""
    if not _is_end_segment(text, *span):
        return (
            f"{part.name!r} is of kind path; make it the whole first or last segment, "
            "or choose another kind"
        )
    if any(other.kind is FieldKind.PATH for other in fields):
        return "there are two fields of kind path, so neither has a definite end; keep one of them"
    return ""


def _invalid(text: str, position: int, problem: str) -> InvalidPathTemplate:
    return InvalidPathTemplate(f"path template {text!r}, character {position + 1}: {problem}")


def _is_end_segment(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is the whole first or the whole last segment."""
    opens, closes = start == 0, end == len(text)
    return (opens or closes) and (opens or text[start - 1] == "/") and (closes or text[end] == "/")


def _expression(parts: list[str | Field]) -> str:
    """The regular expression of a template; the module's docstring says why it is linear."""
    expression = ""
    in_group = False
    for position, part in enumerate(parts):
        if isinstance(part, str):
            expression += re.escape(part)
        elif part.kind is FieldKind.STR:
            expression += f"{')' if in_group else ''}(?>(?P<{part.name}>[^/]+?)"
            in_group = True
        elif part.kind is FieldKind.PATH and position < len(parts) - 1:
            # The rest has a fixed number of segments, so it is known where this field ends.
            segments = sum(other.count("/") for other in parts if isinstance(other, str))
            expression += rf"(?>(?P<{part.name}>.+?)(?=(?:/[^/]*){{{segments}}}\Z))"
        elif part.kind is FieldKind.PATH:
            expression += f"(?P<{part.name}>.+)"
        else:
            expression += f"(?P<{part.name}>(?>{_PATTERNS[part.kind]}))"
    return expression + r"\Z" + (")" if in_group else "")


def _has_extension(parts: list[str | Field]) -> bool:
    """Whether the template includes the extension, as ``{title}.md`` and ``{title}.{ext}`` do."""
    last = parts[-1]
    if isinstance(last, str):
        return bool(extension_of(f"x{last}"))
    before = parts[-2] if len(parts) > 1 else ""
    return isinstance(before, str) and before.endswith(".")


def _is_calendar_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
