"""Which names are left out by a rule: the deployment's patterns, and names that tools make.

What a rule leaves out has no record of its own; a scan counts such objects by rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from shared.domain.source.path_glob import PathGlob

_Test = Callable[[Sequence[str], str], bool]
"""Whether a rule applies, given the folders of a name and its last segment."""


def _begins(text: str) -> _Test:
    return lambda _, last: last.startswith(text)


def _is(text: str) -> _Test:
    return lambda _, last: last == text


def _is_in_any_case(text: str) -> _Test:
    return lambda _, last: last.casefold() == text.casefold()


def _inside(text: str) -> _Test:
    return lambda folders, _: text in folders


BUILT_IN: Final[Mapping[str, _Test]] = MappingProxyType(
    {
        "._*": _begins("._"),  # macOS, on other file systems than its own: attributes of a file
        "~$*": _begins("~$"),  # Microsoft Office: who has a file open
        ".DS_Store": _is(".DS_Store"),  # macOS: how a folder is shown
        "Thumbs.db": _is_in_any_case("Thumbs.db"),  # Windows, to which case is the same
        "desktop.ini": _is_in_any_case("desktop.ini"),
        ".git/": _inside(".git"),
        "node_modules/": _inside("node_modules"),
        "__pycache__/": _inside("__pycache__"),
    }
)
"""Names that are ignored unless told otherwise, at any depth; a folder's name ends with ``/``."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The rule that leaves a name out, as a summary shows it.

    ``by_settings`` tells the deployment's patterns from the built-in rules.
    """

    rule: str
    by_settings: bool


def rule_against(
    path: str,
    *,
    include: Sequence[PathGlob] = (),
    exclude: Sequence[PathGlob] = (),
    not_ignored: Collection[str] = (),
) -> LeftOut | None:
    """The first rule that leaves out the name `path`, relative to the prefix; None if none does.

    Args:
        path: The name; for a sidecar, that of its base.
        include: Patterns of which the name must match one; if empty, it need not.
        exclude: Patterns of which it must match none.
        not_ignored: The rules of `BUILT_IN` that don't hold.
    """
    for glob in exclude:
        if glob.matches(path):
            return LeftOut(f"EXCLUDE {glob.text}", by_settings=True)
    *folders, last = path.split("/")
    for rule, applies in BUILT_IN.items():
        if rule not in not_ignored and applies(folders, last):
            return LeftOut(rule, by_settings=False)
    if include and not any(glob.matches(path) for glob in include):
        return LeftOut("INCLUDE", by_settings=True)
    return None


def checked_rule(text: str) -> str:
    """The name of a built-in rule; raises ValueError for any other text."""
    if text not in BUILT_IN:
        raise ValueError(f"{text!r} is not ignored anyway; the names are {', '.join(BUILT_IN)}")
    return text
