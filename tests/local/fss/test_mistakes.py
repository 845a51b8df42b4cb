"""What people get wrong: each mistake gets one line that says what to do, and its exit code."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.fss.__main__ import main
from local.fss.deployment.outcome import Exit
from tests.local.fss.command import FSS, ROOT, fss
from tests.local.fss.played import DETAILS, SUMMARY, Played
from tests.patience import PATIENCE

PAUSED: dict[str, Any] = {**SUMMARY, **DETAILS, "batch_id": "b0", "status": "paused"}
RUNNING = {**PAUSED, "status": "running", "phase": "working"}

DISPATCHER_PATHS = ["/", "/sync", "/batches/<batch_id>:cancel"]
STATUS_PATHS = ["/", "/batches", "/failures"]

MISTAKES = [
    # What is asked,  the exit code,  what the one line says
    ("", 2, "name a command, such as fss status"),
    ("sttaus", 2, "No such command 'sttaus'. Did you mean 'status'?"),
    ("sync --wach", 2, "No such option '--wach'. Did you mean '--watch'?"),
    ("local FOLDER --time-scale 500", 2, "'--time-scale': 500 is not from 1 to 100"),
    ("local FOLDER --time-scale ten", 2, "'--time-scale': 'ten' is not a number"),
    ("local FOLDER --faults nonsense", 2, "'--faults': 'nonsense' is no JSON; for example "),
    ("local FOLDER --tier gold", 2, "unknown tier 'gold'; the tiers are free, tier1"),
    ("local FOLDER --real", 2, "--real needs an API key in GEMINI_API_KEY"),
    ("local FOLDER --real KEY", 2, "--real needs --tier, the quota tier of the key's project: one"),
    ("local", 2, "Missing argument 'SOURCE'"),
    ("local FOLDER/missing", 2, "missing does not exist"),
    ("local FOLDER --state FILE/state", 2, "can't be used for the state: Not a directory"),
    ("local FOLDER --prefix nowhere/", 2, "has no file whose name begins with 'nowhere/'"),
    ("status no-such-batch", 2, "there is no batch 'no-such-batch', or not any longer"),
    ("cancel no-such-batch", 2, "there is no batch 'no-such-batch', or not any longer"),
    ("pause", 2, "no batch is in progress; fss status shows the latest"),
    ("sync DISPATCHER=paused", 3, "before it is over: fss resume b0, or fss cancel"),
    ("sync DISPATCHER=running", 3, "before it is over: fss watch b0, or fss cancel"),
    ("status --status fss.example.com", 2, "no URL; did you mean https://fss.example.com?"),
    ("status --status localhost:8080", 2, "no URL; did you mean http://localhost:8080?"),
    ("failures STATUS=dispatcher", 2, "the dispatcher's URL; is it swapped with"),
    ("sync DISPATCHER=status", 2, "the status function's URL; is it swapped with"),
    ("failures STATUS=401", 4, "it needs a token: set FSS_TOKEN_COMMAND, --token-command or"),
    ("failures STATUS=403", 4, "it needs a token: set FSS_TOKEN_COMMAND, --token-command or"),
    ("failures STATUS=401 TOKEN", 4, "the token is not accepted; it must be one for this URL"),
    ("failures STATUS=403 TOKEN", 4, "needs the role Cloud Run Invoker there: add it to operators"),
    ("failures --token-command no-such-program", 2, "can't be run: No such file or directory"),
    ("failures --token-command true", 4, "printed no token; try it in a shell"),
    ("failures --token-command 'echo please log in'", 4, "printed something else than a token"),
    ("failures --status http://fss.invalid", 4, "is this machine online, and is the URL right?"),
    ("failures --status http://127.0.0.1:9", 4, "nothing listens there; is the URL right"),
    ("failures STATUS=hello", 4, "did not answer like a deployment; is the URL right?"),
    ("failures STATUS=503", 4, "answered with status 503"),
    ("failures --status", 2, "Option '--status' requires an argument"),
    ("failures --profile prod", 2, "so no profile 'prod'; fss init makes one"),
    ("ask ' '", 2, "the question is empty"),
    ("failures NOWHERE", 2, "no deployment given: name one in fss.toml (fss init)"),
    ("doctor NOWHERE", 2, "no deployment given: name one in fss.toml (fss init)"),
]  # fmt: skip


@pytest.fixture
def world(played: Played, tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("a")
    (tmp_path / "file").touch()
    played.has(SUMMARY, {**SUMMARY, "batch_id": "b2"})
    played.answers["GET /batches/b0"] = (200, PAUSED)
    return tmp_path


@pytest.mark.parametrize(("line", "code", "told"), MISTAKES, ids=[each[0] for each in MISTAKES])
def test_a_mistake_gets_one_line_that_says_what_to_do(
    line: str,
    code: int,
    told: str,
    world: Path,
    played: Played,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words, variables = prepared(line, world, played)
    for name in ("FSS_DISPATCHER_URL", "FSS_STATUS_URL"):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world)

    assert main(words) == code

    text = capsys.readouterr().err
    said = [each for each in text.splitlines() if each.startswith("fss: ")]
    assert len(said) == 1, text
    assert told in said[0]
    assert "Traceback" not in text
    if words:
        lines = text.splitlines()
        assert [each for each in lines if not each.startswith(("fss: ", "Usage: "))] == []


def prepared(line: str, world: Path, played: Played) -> tuple[list[str], dict[str, str]]:
    """The words of a line, with what is at hand in place of what stands in capitals."""
    played.answers["GET /failures"] = (200, [])
    urls = {"FSS_DISPATCHER_URL": played.url, "FSS_STATUS_URL": played.url}
    words = []
    for word in shlex.split(line):
        match word.partition("="):
            case ("DISPATCHER", _, ("paused" | "running") as status):
                played.answers["POST /sync"] = (409, {"error": "it runs", "batch_id": "b0"})
                played.answers["GET /batches/b0"] = (200, {**PAUSED, "status": status})
            case ("DISPATCHER", _, _):
                played.answers["POST /sync"] = (404, {"error": "x", "paths": STATUS_PATHS})
            case ("STATUS", _, "dispatcher"):
                played.answers["GET /failures"] = (404, {"error": "x", "paths": DISPATCHER_PATHS})
            case ("STATUS", _, what):
                code = int(what) if what.isdigit() else 200
                played.answers["GET /failures"] = (code, "<html>hello</html>")
            case ("KEY", _, _):
                urls["GEMINI_API_KEY"] = "x"
            case ("TOKEN", _, _):
                urls["FSS_TOKEN_COMMAND"] = "echo secret"
            case ("NOWHERE", _, _):
                urls = {}
            case _:
                words.append(
                    word.replace("FOLDER", str(world / "docs")).replace("FILE", str(world / "file"))
                )
    return words, urls


def test_a_full_disk_is_told_in_one_line(played: Played) -> None:
    played.has({**SUMMARY, **DETAILS})
    urls = {"FSS_STATUS_URL": played.url}
    with Path("/dev/full").open("w") as full:
        done = fss("status", variables=urls, stdout=full)
    assert (done.returncode, done.stderr) == (4, "fss: No space left on device\n")
    with Path("/dev/full").open("w") as full:
        done = fss("status", "--json", variables=urls, stdout=full)
    assert (done.returncode, done.stderr) == (4, "fss: No space left on device\n")


def test_a_pipe_that_is_closed_early_ends_the_command_quietly(played: Played) -> None:
    rows = [
        {"path": f"f{n}" * 50, "reason": "r", "kind": "permanent", "attempts": 1, "batch_id": "b1"}
        for n in range(2000)
    ]
    played.answers["GET /failures"] = (200, rows)
    with subprocess.Popen(
        [*FSS, "failures"], cwd=ROOT, env={"FSS_STATUS_URL": played.url, "PATH": ""},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(PATIENCE), said) == (Exit.NOBODY_READS, "")


def test_a_wrong_interpreter_is_told_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-m", "local.fss", "status"],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "is not installed for it. In a checkout: .venv/bin/fss" in done.stderr


def test_an_interpreter_that_is_too_old_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert main(["status"]) == 4
    said = capsys.readouterr().err
    assert "it is Python 3.9, not 3.11 or newer" in said
    assert said.count("\n") == 1
