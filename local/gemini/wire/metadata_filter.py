"""Parses the metadata filter of a query: `key = "text"`, `key > 3`, AND, OR, NOT, parentheses.

This is a small part of the AIP-160 filter language. As there, OR binds more tightly than AND.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from local.gemini.wire.errors import ApiError, invalid_argument
from local.gemini.wire.messages import JsonObject

Predicate: TypeAlias = Callable[[list[JsonObject]], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<symbol><=|>=|!=|[=<>:()])|(?P<word>[^\s"'=<>!:()]+))"""
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def parse_filter(text: str) -> Predicate:
    """Return a predicate that tells whether a document's metadata satisfies the filter.

    Raises:
        ApiError: 400 if the filter is invalid.
    """
    if not text.strip():
        return lambda _: True
    parser = _Parser(text)
    predicate = parser.conjunction()
    if parser.peek():
        raise parser.error()
    return predicate


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if not found:
                raise self.error()
            self._tokens.append((found.lastgroup or "", found[0].strip()))
            position = found.end()
        self._at = 0

    def error(self) -> ApiError:
        return invalid_argument(f"Invalid metadata filter: {self._text[:200]}")

    def peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise self.error()
        self._at += 1
        return self._tokens[self._at - 1]

    def conjunction(self) -> Predicate:
        parts = [self.disjunction()]
        while self.peek() == "AND":
            self.take()
            parts.append(self.disjunction())
        return lambda metadata: all(part(metadata) for part in parts)

    def disjunction(self) -> Predicate:
        parts = [self.term()]
        while self.peek() == "OR":
            self.take()
            parts.append(self.term())
        return lambda metadata: any(part(metadata) for part in parts)

    def term(self) -> Predicate:
        if self.peek() == "NOT":
            self.take()
            negated = self.term()
            return lambda metadata: not negated(metadata)
        if self.peek() == "(":
            self.take()
            inner = self.conjunction()
            if self.take()[1] != ")":
                raise self.error()
            return inner
        return self.comparison()

    def comparison(self) -> Predicate:
        kind, key = self.take()
        _, symbol = self.take()
        value_kind, raw = self.take()
        if kind == "symbol" or symbol not in _COMPARISONS or value_kind == "symbol":
            raise self.error()
        wanted = _literal(raw, quoted=value_kind == "text")
        key = _unquoted(key) if kind == "text" else key
        compare = _COMPARISONS[symbol]
        return lambda metadata: any(
            type(value) is type(wanted) and compare(value, wanted)
            for value in _values(metadata, key)
        )


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _literal(raw: str, *, quoted: bool) -> str | float:
    if quoted:
        return _unquoted(raw)
    try:
        return float(raw)
    except ValueError:
        return raw


def _values(metadata: list[JsonObject], key: str) -> Iterable[str | float]:
    for entry in metadata:
        if entry["key"] != key:
            continue
        if "stringListValue" in entry:
            yield from entry["stringListValue"]["values"]
        else:
            yield entry["stringValue"] if "stringValue" in entry else entry["numericValue"]
