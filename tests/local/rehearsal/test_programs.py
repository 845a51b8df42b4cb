from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from local.rehearsal.programs import Command, CommandFailed, Programs, UndeclaredCommand
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]


def shell(script: str, *, is_secret: bool = False) -> Command:
    return Command(("sh", "-c", script), is_secret)


class Allowing(Programs):
    """Allows every command that it is told to run."""

    def outcome(self, command: Command, **how: Any) -> tuple[int, str]:
        self.allow([command])
        return super().outcome(command, **how)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Allowing(tmp_path / "log")


def test_a_command_gets_its_input_and_gives_its_output(programs: Programs) -> None:
    assert programs.run(shell("tr a-z A-Z"), given="abc") == "ABC"


def test_a_command_that_nobody_gives_input_waits_for_none(programs: Programs) -> None:
    assert programs.run(shell("cat")) == ""


def test_a_failure_shows_the_end_of_both_outputs(programs: Programs) -> None:
    with pytest.raises(CommandFailed, match=r"(?s)exit status 3.*    out\n.*    why") as failed:
        programs.run(shell("echo out; echo why >&2; exit 3"))
    assert failed.value.code == 3


def test_an_accepted_exit_status_is_no_failure(programs: Programs) -> None:
    assert programs.outcome(shell("echo diff; exit 2"), accepted=(0, 2)) == (2, "diff\n")


def test_a_missing_program_is_named(programs: Programs) -> None:
    with pytest.raises(CommandFailed, match=r"(?s)no-such-program .* could not be started"):
        programs.run(Command(("no-such-program",)))


def test_a_command_that_no_step_declares_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(UndeclaredCommand):
        Programs(tmp_path / "log").run(Command(("touch", str(tmp_path / "made"))))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("declared", "run", "is_allowed"),
    [
        ("gcloud storage rm gs://a --all-versions", "gcloud storage rm gs://b --all-versions", 1),
        ("gcloud storage rm gs://a --all-versions", "gcloud storage rm gs://a --recursive", 0),
        ("gcloud services list --enabled", "gcloud services enable --enabled", 0),
        ("terraform plan -out=x", "terraform plan -out=y", 1),
        ("terraform plan -out=x", "terraform apply -out=x", 0),
    ],
)  # fmt: skip
def test_commands_of_one_kind_differ_in_values_alone(
    declared: str, run: str, is_allowed: bool
) -> None:
    kinds = [Command(tuple(line.split())).kind for line in (declared, run)]
    assert (kinds[0] == kinds[1]) == bool(is_allowed)


def test_neither_a_secret_answer_nor_the_input_is_logged(
    programs: Programs, tmp_path: Path
) -> None:
    programs.run(shell("cat >/dev/null; echo to''ken", is_secret=True), given="the key")
    with pytest.raises(CommandFailed) as failed:
        programs.run(shell("echo to''ken; echo why >&2; exit 1", is_secret=True))
    log = (tmp_path / "log").read_text()
    assert "why" in log
    assert not any(secret in log + str(failed.value) for secret in ("token", "the key"))


def test_an_interruption_is_handed_on_once_and_the_end_awaited(tmp_path: Path) -> None:
    """Terraform saves its state then; a second signal would make it give up at once."""
    script = f"""
        n=0; trap 'n=$((n+1))' INT; touch {tmp_path}/ready
        while [ $n = 0 ]; do sleep 0.05; done; sleep 0.5; echo saved after $n"""
    code = f"""
        from pathlib import Path
        from local.rehearsal.programs import Command, Programs
        programs = Programs(Path({str(tmp_path / "log")!r}))
        command = Command(("sh", "-c", {script!r}))
        programs.allow([command])
        programs.run(command)"""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for(tmp_path / "ready", process)
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
        _, stderr = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in stderr
    assert "saved after 1\n" in (tmp_path / "log").read_text()


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    while not file.exists():
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"the program ended: {process.communicate()[1]}")
