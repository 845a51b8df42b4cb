"""Names that a rule leaves out: built-in ones, and the deployment's patterns."""

from __future__ import annotations

import pytest

from shared.domain.source.eligibility import Accepted, Skipped, SkipReason, preflight
from shared.domain.source.ignored_names import BUILT_IN, LeftOut, checked_rule, rule_against
from shared.domain.source.path_glob import PathGlob

IGNORED = [
    ("._Notes.md", "._*"),
    ("a/b/._Notes.md", "._*"),
    ("~$Report.docx", "~$*"),
    ("a/~$Report.docx", "~$*"),
    (".DS_Store", ".DS_Store"),
    ("a/.DS_Store", ".DS_Store"),
    ("Thumbs.db", "Thumbs.db"),
    ("a/thumbs.db", "Thumbs.db"),
    ("THUMBS.DB", "Thumbs.db"),
    ("a/Desktop.ini", "desktop.ini"),
    (".git/config", ".git/"),
    ("a/.git/refs/heads/main", ".git/"),
    (".git/refs/", ".git/"),
    ("node_modules/", "node_modules/"),
    ("a/node_modules/b/readme.md", "node_modules/"),
    ("a/__pycache__/b.pyc", "__pycache__/"),
    ("desktop.ini.meta.json", "desktop.ini"),
    ("node_modules/a.md.meta.json", "node_modules/"),
]


@pytest.mark.parametrize(("path", "rule"), IGNORED)
def test_what_tools_leave_behind_is_ignored_unless_the_rule_is_switched_off(
    path: str, rule: str
) -> None:
    found = preflight(path, 10)
    assert found == Skipped(SkipReason.IGNORED)
    assert isinstance(found, Skipped)
    assert found.rule == rule
    assert preflight(path, 10, not_ignored=(rule,)) != Skipped(SkipReason.IGNORED)
    others = [other for other in BUILT_IN if other != rule]
    assert preflight(path, 10, not_ignored=others) == Skipped(SkipReason.IGNORED)


@pytest.mark.parametrize(
    "path",
    [
        "a._b.md",
        ".git",
        ".gitignore",
        ".github/x.md",
        "my.git/x.md",
        "node_modules",
        "node_modules.md",
        "Node_Modules/x.md",
        "thumbs.db.md",
        ".ds_store",
        "a~$b.md",
        "__pycache__.md",
        "._/x.md",
    ],
)
def test_names_that_only_look_alike_are_not_ignored(path: str) -> None:
    assert rule_against(path) is None


def test_the_documented_patterns_leave_out_all_that_is_hidden() -> None:
    exclude = [PathGlob.parse("**/.*"), PathGlob.parse("**/.*/**")]

    def is_out(path: str) -> bool:
        return preflight(path, 10, exclude=exclude) == Skipped(SkipReason.EXCLUDED)

    for path in (".env", "a/.env", ".trash/old.md", ".git/config", "a/.cache/b/c.md", ".a/.b"):
        assert is_out(path), path
    for path in ("a/b.md", "a.b/c.md", "...a/b.md"[3:]):
        assert preflight(path, 10, exclude=exclude) == Accepted("text/markdown")


def test_the_settings_exclusion_comes_first_and_names_its_pattern() -> None:
    exclude = [PathGlob.parse("drafts/**"), PathGlob.parse("**/.*/**")]
    include = [PathGlob.parse("**/*.md")]

    def rule(path: str) -> LeftOut | None:
        return rule_against(path, include=include, exclude=exclude)

    assert rule("drafts/a.md") == LeftOut("EXCLUDE drafts/**", by_settings=True)
    assert rule(".git/a.md") == LeftOut("EXCLUDE **/.*/**", by_settings=True)
    assert rule("node_modules/a.js") == LeftOut("node_modules/", by_settings=False)
    assert rule("a.js") == LeftOut("INCLUDE", by_settings=True)
    assert rule("a.md") is None


def test_only_built_in_rules_can_be_switched_off() -> None:
    assert checked_rule(".git/") == ".git/"
    for text in (".git", ".svn/", "thumbs.db", "*"):
        with pytest.raises(ValueError, match="node_modules/"):
            checked_rule(text)
