"""What the help says, what is loaded for it, and what a shell completes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from local.fss.__main__ import main
from local.fss.command_line.catalogue import CATALOGUE, COMMANDS
from local.fss.deployment.outcome import Exit
from tests.docs.fss_command import commands, parse
from tests.local.fss.command import FSS, ROOT, fss
from tests.local.fss.played import DETAILS, SUMMARY, Played
from tests.local.fss.snapshots import same_as_kept
from tests.patience import PATIENCE


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_help_is_the_one_that_was_kept(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main([*filter(None, [name]), "--help"]) == Exit.IN_STEP
    same_as_kept(f"help/{name or 'fss'}.txt", capsys.readouterr().out)


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("name", ["", "sync", "local", "init"])
def test_a_help_fits_the_terminal(
    name: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main([*filter(None, [name]), "--help"]) == Exit.IN_STEP
    text = capsys.readouterr().out.partition("Examples:")[0]  # a command line is not broken
    for line in text.splitlines():
        # Neither are an option's name and its values.
        assert len(line) <= min(columns, 100) or line.startswith("  --"), line


def test_every_command_has_its_place_and_says_what_it_does() -> None:
    for name, command in commands().items():
        assert command.name == name
        assert command.help
        assert getattr(command, "examples", ()) or name in CATALOGUE["Steer"], name


def test_every_example_of_a_help_is_a_command_line_that_can_be_read() -> None:
    for name, command in commands().items():
        for example in getattr(command, "examples", ()):
            line = example.partition("    #")[0].partition(" | ")[0].strip()
            words = shlex.split(line.removeprefix('eval "$(').removesuffix(')"'))
            assert words[:2] == ["fss", name]
            parse(name, words[2:])


def loaded_by(*words: str, **variables: str) -> set[str]:
    """The modules that are loaded once a command line has run."""
    program = (
        "import json, sys; from local.fss.__main__ import main; code = main(sys.argv[1:]); "
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, env={"PATH": "", **variables},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


HEAVY = (
    "google.api_core", "google.auth", "google.cloud.firestore", "google.cloud.storage",
    "google.cloud.tasks_v2", "google.genai", "grpc", "aiohttp", "flask", "functions_framework",
    "pydantic", "local.stack", "local.gemini", "local.firestore", "shared.gateways",
    "shared.services",
)  # fmt: skip


@pytest.mark.parametrize("words", ["--help", "status --help", "--version", "status", "store"])
def test_what_talks_to_a_deployment_loads_neither_googles_clients_nor_the_stack(
    words: str, played: Played
) -> None:
    played.has({**SUMMARY, **DETAILS})
    played.answers["GET /store"] = (200, {"store": "s", "next_store": "", "previous_store": ""})
    loaded = loaded_by(*words.split(), FSS_STATUS_URL=played.url)
    assert [name for name in loaded if name.startswith(HEAVY)] == []


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == Exit.IN_STEP
    assert capsys.readouterr().out.split()[-1][0].isdigit()


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("fss re", {"retry", "reconcile", "resume"}),
        ("fss sync --wa", {"--watch"}),
        ("fss sync --mode re", {"retry_failed", "reconcile"}),
        ("fss completion z", {"zsh"}),
    ],
)
def test_a_shell_completes_commands_options_and_values(typed: str, completed: set[str]) -> None:
    done = fss(
        variables={
            "_FSS_COMPLETE": "bash_complete",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(typed.count(" ")),
        }
    )
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == Exit.IN_STEP
    assert "_FSS_COMPLETE" in capsys.readouterr().out


def test_a_completion_loads_no_command() -> None:
    done = subprocess.run(
        [*FSS[:1], "-X", "importtime", *FSS[1:]], cwd=ROOT,
        env={"_FSS_COMPLETE": "bash_complete", "COMP_WORDS": "fss ", "COMP_CWORD": "1"},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert "plain,sync" in done.stdout
    assert "local.fss.commands." not in done.stderr
