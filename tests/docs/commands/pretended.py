"""A deployment for the commands of the pages: a local stack, behind the programs that they call."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.stack.local_stack import LocalStack
from tests.docs.markdown import ROOT
from tests.patience import PATIENCE

_PROGRAM = """\
#!{python}
import json, pathlib, re, sys
OUTPUTS, LOGS = {outputs!r}, pathlib.Path({logs!r})
LABELS = "logging.googleapis.com/labels"

def entries(batch):
    for path in sorted(LOGS.glob("*.log")):
        for text in path.read_text(errors="replace").splitlines():
            line = json.loads(text) if text.startswith("{{") and text.endswith("}}") else {{}}
            if line.get(LABELS, {{}}).get("batch") == batch:
                labels = line.pop(LABELS)
                known = {{"timestamp": line.pop("time"), "severity": line.pop("severity")}}
                yield {{**known, "labels": labels, "jsonPayload": line}}

match [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]:
    case ["gcloud", "auth", "print-identity-token"]:
        print("token")
    case ["gcloud", "logging", "read", which, *_]:
        print(json.dumps([*entries(re.search('labels.batch="(.*)"', which)[1])]))
    case ["terraform", "-chdir=terraform", "output", "-json", "-no-color"]:
        print(json.dumps({{name: {{"value": value}} for name, value in OUTPUTS.items()}}))
    case words:
        sys.exit(f"not pretended: {{words}}")
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command."""

    code: int
    stdout: str
    stderr: str


class Checkout:
    """A folder that looks like a checkout, in which a page's commands run one after the other.

    What they write goes into the folder, and what they read is the real thing. ``gcloud`` and
    ``terraform`` answer from a local stack what they would answer from a deployment.

    Args:
        folder: An empty folder.
        stack: The stack that stands for the deployment.
    """

    def __init__(self, folder: Path, stack: LocalStack) -> None:
        self.stack = stack
        self.folder = folder / "checkout"
        self.folder.mkdir()
        self._home = folder / "home"
        self._home.mkdir()
        for each in ROOT.iterdir():
            if not each.name.startswith(".") and each.name != "build":
                (self.folder / each.name).symlink_to(each)
        venv = self.folder / ".venv"
        venv.mkdir()
        for each in Path(sys.prefix).iterdir():
            (venv / each.name).symlink_to(each)
        (venv / ".ready").unlink(missing_ok=True)
        (venv / ".ready").touch()  # so that make sets up nothing
        self._programs = folder / "programs"
        self._programs.mkdir()
        self._pretend()

    def known(self) -> dict[str, str]:
        """The variables that name the deployment."""
        urls = self.stack.urls
        named = {"DISPATCHER": urls.dispatcher, "STATUS": urls.status, "ASK": urls.ask or ""}
        return {f"FSS_{name}_URL": url for name, url in named.items()}

    def run(self, line: str, variables: Mapping[str, str], *, stays: bool = False) -> Done:
        """Run a command line in a shell.

        Args:
            line: The command line.
            variables: Environment variables, besides those of a person who has just logged in.
            stays: Whether it runs until Ctrl-C, which is pressed once it has printed a line.
        """
        environment = {
            "PATH": f"{self._programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
            **variables,
        }
        with subprocess.Popen(
            ["bash", "-c", f"exec {line}" if stays else line], cwd=self.folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            first = ""
            if stays:
                first = process.stdout.readline()
                process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=PATIENCE)
        return Done(process.returncode, first + stdout, stderr)

    def _pretend(self) -> None:
        urls = self.stack.urls
        outputs = {
            "dispatcher_url": urls.dispatcher,
            "status_url": urls.status,
            "ask_url": urls.ask,
            "add_key_command": "gcloud secrets versions add k --project=my-project",
        }
        text = _PROGRAM.format(python=sys.executable, outputs=outputs, logs=str(self.stack.logs))
        for name in ("gcloud", "terraform"):
            program = self._programs / name
            program.write_text(text)
            program.chmod(0o755)


CHANGES = (
    (r"\d{8}-\d{6}-[0-9a-f]{6}", "BATCH"),
    (r"\b\d+(?:\.\d)? s\b|\b\d+ min \d\d s\b", "TIME"),
    (r"\b\d+ unmetered", "POLLS"),
    (r"#\d{10,}", "#GENERATION"),
    (r"gs://[\w-]+/", "gs://BUCKET/"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "MOMENT"),
)
"""What differs between two runs that do the same."""


def steady(text: str) -> list[str]:
    """The lines of an output, without what differs between two runs."""
    for pattern, name in CHANGES:
        text = re.sub(pattern, name, text)
    return [line.rstrip() for line in text.splitlines()]
