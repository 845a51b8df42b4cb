"""Patterns for object names, to include or exclude files.

- ``*`` matches any number of characters except ``/``, also none; ``?`` matches exactly one.
- ``**`` must be a whole segment. It matches any number of segments, also none (``**/*.md`` matches
  ``a.md``). At the end it matches at least one, so ``drafts/**`` is everything inside ``drafts/``.
- Every other character matches itself, ``[`` and ``{`` included. Case matters. A leading dot is an
  ordinary character: ``**/.*`` matches dot files, and ``**/.*/**`` all that is in hidden folders.
- A pattern is matched against the whole name, relative to the prefix.
- Both are compared in composed form (NFC), so ``é`` is one character however it is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from shared.domain.source.object_name import composed


class InvalidPathGlob(ValueError):
    """The pattern can't be used; the message says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class PathGlob:
    """A parsed pattern; equal to another if their texts are equal."""

    text: str
    _runs: tuple[tuple[re.Pattern[str], ...], ...] = field(compare=False, repr=False)
    """The segments before, between and after the ``**``: one run more than there are ``**``."""

    @classmethod
    def parse(cls, text: str) -> PathGlob:
        """Parse a pattern; raises InvalidPathGlob."""
        text = composed(text)
        if not text:
            raise InvalidPathGlob("an empty pattern matches nothing; remove it")
        if text.startswith("/"):
            raise InvalidPathGlob(f"pattern {text!r} begins with '/'; names do not, remove it")
        if text.endswith("/"):
            raise InvalidPathGlob(f"pattern {text!r} ends with '/'; write {text + '**'!r}")
        runs: list[list[re.Pattern[str]]] = [[]]
        segments = text.split("/")
        for position, segment in enumerate(segments):
            if segment != "**":
                if "**" in segment:
                    raise InvalidPathGlob(
                        f"pattern {text!r}: '**' must be a whole segment, as in '**/*.md'"
                    )
                runs[-1].append(_segment_expression(segment))
                continue
            runs.append([])
            if position == len(segments) - 1:
                runs[-1].append(_segment_expression("*"))
        return cls(text, tuple(tuple(run) for run in runs))

    def matches(self, path: str) -> bool:
        """Whether the pattern matches the whole of `path`.

        Each run between two ``**`` is matched at the first position where it fits, which loses no
        match; the first and the last run are fixed at the ends. So no name makes this slow.
        """
        segments = composed(path).split("/")
        first, *middle = self._runs
        if not middle:
            return len(segments) == len(first) and _fits(first, segments, 0)
        last = middle.pop()
        if not _fits(first, segments, 0):
            return False
        start = len(first)
        for run in middle:
            while not _fits(run, segments, start):
                start += 1
                if start + len(run) > len(segments):
                    return False
            start += len(run)
        tail = len(segments) - len(last)
        return tail >= start and _fits(last, segments, tail)


def _fits(run: tuple[re.Pattern[str], ...], segments: list[str], start: int) -> bool:
    """Whether the patterns of `run` match the segments from segments[start] on, one each."""
    if start + len(run) > len(segments):
        return False
    return all(
        pattern.fullmatch(segment) is not None
        for pattern, segment in zip(run, segments[start:], strict=False)
    )


def _segment_expression(segment: str) -> re.Pattern[str]:
    """The regular expression of one segment; each ``*``, with its text, is an atomic group.

    The matcher never backtracks into an atomic group. So the attempts for each ``*`` are bounded by
    the length of the segment, and don't multiply with the number of ``*``.
    """
    head, *rest = (
        "".join("." if character == "?" else re.escape(character) for character in literal)
        for literal in segment.split("*")
    )
    middle = "".join(f"(?>.*?{literal})" for literal in rest[:-1])
    return re.compile(head + middle + (f"(?>.*?{rest[-1]}\\Z)" if rest else ""), re.DOTALL)
