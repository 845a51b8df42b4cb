"""A project of Google Cloud that exists only here: what gcloud and terraform would answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.rehearsal.programs import Command, CommandFailed, Programs

DEPLOYMENT = "rehearsal"
STORE = f"file-search-sync {DEPLOYMENT}"

ACCOUNT = "ada@example.com"
NUMBER = "123456789"

FIRST_SERVICES = ("serviceusage.googleapis.com", "iam.googleapis.com")
"""What a new project has."""

BY_TERRAFORM = {
    "functions": ["fss-rehearsal-dispatcher", "fss-rehearsal-status", "fss-rehearsal-upload"],
    "tasks": ["fss-rehearsal-uploads"],
    "secrets": ["fss-rehearsal-gemini-api-key"],
    "buckets": ["my-project-fss-rehearsal-documents"],
}
BY_GOOGLE = {"buckets": [f"gcf-v2-sources-{NUMBER}-us-central1"]}

_LISTS = {
    ("functions", "list"): "functions",
    ("tasks", "queues", "list"): "tasks",
    ("secrets", "list"): "secrets",
    ("storage", "buckets", "list"): "buckets",
    ("beta", "monitoring", "channels", "list"): "channels",
}

_APIS = ("cloudfunctions", "cloudtasks", "secretmanager", "monitoring")


class PretendProject(Programs):
    """Answers commands from what the project holds.

    Attributes:
        things: What it holds, by kind.
        ran: Every command, with what it was given.
        refused: Says which commands fail, and how often.
        outputs: Terraform's outputs.
        on_apply: Called by each apply of everything.
        left: What a plan says is left to do.
    """

    def __init__(self, log: Path) -> None:
        super().__init__(log)
        self.things: dict[str, list[str]] = {"services": list(FIRST_SERVICES)}
        self.ran: list[tuple[Command, str | None]] = []
        self.refused: Callable[[Command], bool] = lambda _: False
        self.outputs = {"dispatcher_url": "http://127.0.0.1:1", "status_url": "http://127.0.0.1:2"}
        self.on_apply: Callable[[], None] = lambda: None
        self.left: Sequence[str] = ()

    def lines(self) -> list[str]:
        """Every command that was run."""
        return [str(command) for command, _ in self.ran]

    def outcome(
        self,
        command: Command,
        *,
        given: str | None = None,
        accepted: Sequence[int] = (0,),
    ) -> tuple[int, str]:
        assert command.kind in self._allowed, command
        self.ran.append((command, given))
        code, text = (1, "refused") if self.refused(command) else self._answer(command)
        self._write(command, code, text, "")
        if code not in accepted:
            raise CommandFailed(command, code, text)
        return code, text

    def _answer(self, command: Command) -> tuple[int, str]:
        words = tuple(command.words)
        if command.program == "terraform":
            return self._terraform(words[0], command)
        for listed, kind in _LISTS.items():
            if words[: len(listed)] == listed:
                return 0, "\n".join(self.things.get(kind, ()))
        simple = {
            ("version",): json.dumps({"Google Cloud SDK": "560.0.0", "alpha": "1", "beta": "1"}),
            ("auth", "list"): ACCOUNT,
            ("projects", "describe"): json.dumps({"projectNumber": NUMBER}),
            ("billing", "projects"): "True",
            ("services", "list"): "\n".join(self.things["services"]),
            ("secrets", "versions", "add"): f"projects/{NUMBER}/secrets/s/versions/7",
            ("scheduler", "jobs", "describe"): self._job(),
            ("builds", "list"): _BUILDS,
            ("auth", "print-access-token"): "an access token",
        }
        for beginning, answer in simple.items():
            if words[: len(beginning)] == beginning:
                return 0, answer
        return self._changed(words)

    def _changed(self, words: tuple[str, ...]) -> tuple[int, str]:
        if words[:2] == ("services", "enable"):
            self._add("services", *words[2:])
        elif words[:3] == ("storage", "buckets", "create"):
            self._add("buckets", words[3].removeprefix("gs://"))
        elif words[:4] == ("beta", "monitoring", "channels", "create"):
            self._add("channels", "projects/my-project/notificationChannels/5")
            return 0, "projects/my-project/notificationChannels/5"
        elif words[:4] == ("beta", "monitoring", "channels", "delete"):
            self.things["channels"].remove(words[4])
        elif words[:2] == ("storage", "rm"):
            if words[2].endswith("/**"):
                return 1, "The following URLs matched no objects or files"
            bucket = words[2].removeprefix("gs://")
            if bucket not in self.things.get("buckets", ()):
                return 1, "not found"
            self.things["buckets"].remove(bucket)
        return 0, ""

    def _terraform(self, verb: str, command: Command) -> tuple[int, str]:
        if verb == "apply":
            self._applied(command)
            return 0, ""
        outputs = {name: {"value": value} for name, value in self.outputs.items()}
        answers = {
            "version": (0, json.dumps({"terraform_version": "1.11.4"})),
            "init": (0, ""),
            "output": (0, json.dumps(outputs)),
            "plan": (2 if self.left else 0, "\n".join(f"  # {line}" for line in self.left)),
            "state": (0, "\n".join(self.things.get("tasks", ()))),
        }
        return answers[verb]

    def _applied(self, command: Command) -> None:
        if "-destroy" in command.flags:
            for kind, names in BY_TERRAFORM.items():
                kept = [name for name in self.things.get(kind, ()) if name not in names]
                self.things[kind] = kept
        elif "-target" in command.flags:
            self._add("secrets", *BY_TERRAFORM["secrets"])
        else:
            self._add("services", *(f"{name}.googleapis.com" for name in _APIS))
            for made in (BY_TERRAFORM, BY_GOOGLE):
                for kind, names in made.items():
                    self._add(kind, *names)
            self.on_apply()

    def _job(self) -> str:
        audience = f"https://fss-rehearsal-dispatcher-{NUMBER}.us-central1.run.app"
        token = {"oidcToken": {"audience": audience}}
        return json.dumps({"httpTarget": token, "lastAttemptTime": "2026-12-01T10:00:00Z"})

    def _add(self, kind: str, *names: str) -> None:
        there = self.things.setdefault(kind, [])
        there += [name for name in names if name not in there]


_BUILDS = json.dumps(
    [
        {"startTime": "2026-12-01T10:00:00.123456789Z", "finishTime": "2026-12-01T10:02:00Z"},
        {"startTime": "2026-12-01T10:00:00Z", "finishTime": "2026-12-01T10:03:00.5Z"},
        {"createTime": "2026-12-01T10:00:00Z"},  # still waiting
    ]
)


class PretendStores:
    """The stores that a key sees."""

    def __init__(self) -> None:
        self.names = {"fileSearchStores/somebodys": "somebody's", "fileSearchStores/old": STORE}
        self.keys: list[str] = []

    @contextmanager
    def client(self, key: str) -> Iterator[Any]:
        self.keys.append(key)
        yield SimpleNamespace(file_search_stores=self)

    def list(self) -> list[Any]:
        return [
            SimpleNamespace(name=name, display_name=title) for name, title in self.names.items()
        ]

    def delete(self, *, name: str, config: object) -> None:
        assert config == {"force": True}
        del self.names[name]
