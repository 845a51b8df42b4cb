"""A caller's filter on documents' metadata: parsed, and written anew beside the owner tag.

The grammar is the part of AIP-160 (https://google.aip.dev/160) that compares keys with values:
``year = 2025 AND (category = "x" OR NOT course = 'y')``. As there, OR binds more tightly than AND.
What is sent is made from the parsed filter and has every parenthesis, so no text of the caller can
end the part it stands in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

MAX_LENGTH: Final = 1000
"""Most characters of a filter. Our own choice; Google documents no limit."""

MAX_DEPTH: Final = 20
"""Most parentheses and NOTs inside one another. Our own choice."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<operator><=|>=|!=|[=<>:])|(?P<bracket>[()])"""
    r"""|(?P<word>[^\s"'=<>!:()]+))"""
)
_KEY = re.compile(r"[A-Za-z0-9_.-]+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_RESERVED = ("AND", "OR", "NOT")


class InvalidFilter(ValueError):
    """The filter can't be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class MetadataFilter:
    """A filter that was parsed; ``text`` is the same filter, written anew. Empty: everything."""

    text: str = ""

    @classmethod
    def parse(cls, text: str) -> MetadataFilter:
        """Parse a filter; one of white space only matches everything.

        Raises:
            InvalidFilter: It is too long or no filter, or would end its own parentheses.
        """
        if len(text) > MAX_LENGTH:
            raise InvalidFilter(f"has {len(text)} characters, more than {MAX_LENGTH}")
        return cls(_Parser(text).whole()) if text.strip() else cls()

    def of_owner(self, tag: str) -> str:
        """The filter that matches documents with this owner tag, and of these what it matches.

        Args:
            tag: The tag, which has hexadecimal digits only.
        """
        own = f'owner="{tag}"'
        return f"{own} AND ({self.text})" if self.text else own


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a filter, written anew; joined by AND or OR, it needs parentheses in another."""

    text: str
    is_joined: bool = False

    def __str__(self) -> str:
        return f"({self.text})" if self.is_joined else self.text


class _Parser:
    """Reads the tokens once; each method returns the part that it has read."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> str:
        part = self._conjunction()
        if token := self._peek():
            if token.text == ")":
                _refuse(token, "closes a parenthesis that was not opened")
            _refuse(token, "AND or OR is missing before it")
        return part.text

    def _conjunction(self) -> _Part:
        return self._joined("AND", self._disjunction)

    def _disjunction(self) -> _Part:
        return self._joined("OR", self._term)

    def _joined(self, word: str, read: Callable[[], _Part]) -> _Part:
        parts = [read()]
        while (token := self._peek()) and (token.kind, token.text) == ("word", word):
            self._next += 1
            parts.append(read())
        if len(parts) == 1:
            return parts[0]
        return _Part(f" {word} ".join(map(str, parts)), is_joined=True)

    def _term(self) -> _Part:
        token = self._take("a comparison")
        if (token.kind, token.text) == ("word", "NOT"):
            return _Part(f"NOT {self._nested(token, self._term)}")
        if (token.kind, token.text) != ("bracket", "("):
            return _Part(self._comparison(token))
        inner = self._nested(token, self._conjunction)
        closing = self._peek()
        if closing is None:
            _refuse(token, "is never closed")
        if (closing.kind, closing.text) != ("bracket", ")"):
            _refuse(closing, "AND or OR is missing before it")
        self._next += 1
        return inner

    def _nested(self, token: _Token, read: Callable[[], _Part]) -> _Part:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse(token, f"is nested more than {MAX_DEPTH} deep")
        part = read()
        self._depth -= 1
        return part

    def _comparison(self, key: _Token) -> str:
        if key.kind != "word" or not _KEY.fullmatch(key.text) or key.text in _RESERVED:
            _refuse(key, "is no key: keys have letters, digits, _, - and .")
        operator = self._take("one of = != < <= > >= :")
        if operator.kind != "operator":
            _refuse(operator, "stands where one of = != < <= > >= : is expected")
        value = self._take("a value")
        if value.kind not in ("text", "word") or value.text in _RESERVED:
            _refuse(value, "is no value: write text in quotes")
        return f"{key.text}{operator.text}{_value(value)}"

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, wanted: str) -> _Token:
        token = self._peek()
        if token is None:
            raise InvalidFilter(f"ends where {wanted} is expected")
        self._next += 1
        return token


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            if text[start] in "\"'":
                raise InvalidFilter(f"at character {start + 1}: the quotation is never closed")
            raise InvalidFilter(f"at character {start + 1}: {text[start]!r} is not expected")
        kind = match.lastgroup
        found.append(_Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return found


def _value(token: _Token) -> str:
    if token.kind == "word":
        if _NUMBER.fullmatch(token.text):
            return token.text
        content = token.text
    else:
        content = token.text[1:-1]
    # How the service reads escapes is not documented, so nothing that needs one is sent.
    if "\\" in content or any(unicodedata.category(each) in ("Cc", "Cs") for each in content):
        _refuse(token, "has a backslash or a control character, which no filter can express")
    return f"'{content}'" if '"' in content else f'"{content}"'


def _refuse(token: _Token, why: str) -> NoReturn:
    raise InvalidFilter(f"at character {token.at + 1}: {token.text[:40]!r} {why}")
