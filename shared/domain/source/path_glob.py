"""Patterns over object names, to include or exclude files.

- ``*`` stands for any characters but ``/``, none included; ``?`` for exactly one of them.
- ``**`` is a whole segment: any number of segments, none included (``**/*.md`` takes ``a.md``);
  at the end at least one, so that ``drafts/**`` is everything inside ``drafts/``.
- Everything else stands for itself, ``[`` and ``{`` included. Case counts. A leading dot is an
  ordinary character: ``**/.*`` takes dot files.
- A pattern is matched against the whole name, relative to the prefix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


class InvalidPathGlob(ValueError):
    """The pattern cannot be used; the message says why and what to write."""


@dataclass(frozen=True, slots=True)
class PathGlob:
    """A parsed pattern; two are equal when their texts are."""

    text: str
    _runs: tuple[tuple[re.Pattern[str], ...], ...] = field(compare=False, repr=False)
    """The segments between one ``**`` and the next, so one run more than there are ``**``."""

    @classmethod
    def parse(cls, text: str) -> PathGlob:
        """Read a pattern; raises InvalidPathGlob."""
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
        """Whether the pattern stands for the whole of `path`.

        Each run between two ``**`` is put at the first place where it fits, which loses no match;
        only the first and the last are tied to the ends. So no name makes this slow.
        """
        segments = path.split("/")
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
    """Whether each pattern of `run` stands for its segment, the first for segments[start]."""
    if start + len(run) > len(segments):
        return False
    return all(
        pattern.fullmatch(segment) is not None
        for pattern, segment in zip(run, segments[start:], strict=False)
    )


def _segment_expression(segment: str) -> re.Pattern[str]:
    """A pattern for one segment; each ``*`` and the text up to the next is an atomic group.

    An atomic group is not entered again once it has matched: what is tried is bounded by the
    length of the segment for each ``*``, not multiplied by the number of them.
    """
    head, *rest = (
        "".join("." if character == "?" else re.escape(character) for character in literal)
        for literal in segment.split("*")
    )
    middle = "".join(f"(?>.*?{literal})" for literal in rest[:-1])
    return re.compile(head + middle + (f"(?>.*?{rest[-1]}\\Z)" if rest else ""), re.DOTALL)
