"""What gcloud and terraform say that they have, which commands are compared with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from local.firestore_emulator.emulator_install import sdk_roots
from local.rehearsal.programs import Command

COMPLETIONS = "data/cli/gcloud_completions.py"
"""The commands and flags that gcloud's own completion reads; made from the commands themselves."""


@cache
def gcloud_tree() -> Mapping[str, Any]:
    """All commands of gcloud with their flags; the test is skipped where there is no gcloud."""
    for root in sdk_roots(os.environ):
        table = root / COMPLETIONS
        if table.is_file():
            names: dict[str, Any] = {}
            exec(compile(table.read_bytes(), table, "exec"), names)  # noqa: S102 - gcloud's own
            found: Mapping[str, Any] = names["STATIC_COMPLETION_CLI_TREE"]
            return found
    pytest.skip("there is no gcloud on this machine to compare the commands with")


@cache
def terraform_options(*words: str) -> frozenset[str]:
    """The options in the help of a command of Terraform; skipped where there is none."""
    program = shutil.which("terraform")
    if program is None:
        pytest.skip("there is no terraform on this machine to compare the commands with")
    done = subprocess.run([program, *words, "-help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"terraform {' '.join(words)}: {done.stderr}"
    # Any other word makes Terraform print the list of its commands, and succeed.
    assert f"terraform [global options] {' '.join(words)}".strip() in done.stdout
    return frozenset(re.findall(r"^\s+(-[a-z-]+)", done.stdout, re.MULTILINE))


def options_of_terraform(*words: str) -> frozenset[str]:
    """The options that a command of Terraform takes, with those of every command."""
    known = terraform_options(*words) | terraform_options()
    if words[:1] in (("apply",), ("destroy",)):  # whose help says that they take those of a plan
        known |= terraform_options("plan")
    return known


def wrong_in(command: Command, tree: Mapping[str, Any]) -> Iterator[str]:
    """What a gcloud command has that gcloud doesn't."""
    node, words = tree, list(command.words)
    while words and words[0] in node.get("commands", {}):
        node = node["commands"][words.pop(0)]
    if node.get("commands"):
        yield f"no command {words[0] if words else ''}"
    flags = {**tree["flags"], **node["flags"]}
    for word in command.argv:
        flag, equals, value = word.partition("=")
        if not flag.startswith("-"):
            continue
        kind = flags.get(flag) or (flags.get(flag.replace("--no-", "--", 1)) == "bool" and "bool")
        if not kind:
            yield f"no flag {flag}"
        elif (kind == "bool") == bool(equals):
            yield f"{flag} takes {'no' if equals else 'a'} value"
        elif isinstance(kind, list) and value not in kind:
            yield f"{flag} is one of {kind}"
