"""Watching a batch: in a real terminal, over tokens that end, and until somebody presses Ctrl-C."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from local.fss.__main__ import main
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure
from local.fss.deployment.token import TokenCommand
from tests.local.fss.example_batches import batch
from tests.local.fss.played import DETAILS, SUMMARY, Played
from tests.local.fss.terminal import terminal

RUNNING = batch(batch_id="b1")
OVER: dict[str, Any] = {**SUMMARY, **DETAILS}


def urls(played: Played) -> dict[str, str]:
    return {"FSS_DISPATCHER_URL": played.url, "FSS_STATUS_URL": played.url}


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_terminal_of_any_width_shows_a_bar_and_figures_that_are_whole(
    width: int, played: Played
) -> None:
    played.has(RUNNING)
    with terminal("watch", width=width, variables=urls(played)) as screen:
        bar, facts = screen.shows(lambda lines: len(lines) == 2 and "12 of 48" in lines[0])
        assert bar.startswith("working ━")
        assert facts.startswith("3 in progress · 8.5 a minute")
        played.has(OVER)
        assert screen.ends() == Exit.IN_STEP
        assert screen.lines[0] == "Batch b1: completed"


def test_ctrl_c_stops_watching_and_the_batch_goes_on(played: Played) -> None:
    played.has(RUNNING)
    with terminal("watch", "b1", width=120, variables=urls(played)) as screen:
        screen.shows(lambda lines: any("12 of 48" in line for line in lines))
        screen.presses_ctrl_c()
        assert screen.ends() == Exit.INTERRUPTED
        said = "Stopped watching; batch b1 goes on. fss watch b1, fss cancel b1"
        assert said in screen.lines
        assert not [line for line in screen.lines if "Traceback" in line]
    assert not [asked for asked, _, _ in played.asked if asked.startswith("POST")]


def test_a_sync_that_meets_a_running_batch_offers_to_watch_it(played: Played) -> None:
    played.answers["POST /sync"] = (409, {"error": "batch b1 is running", "batch_id": "b1"})
    played.has(RUNNING)
    with terminal("sync", "--watch", width=120, variables=urls(played)) as screen:
        screen.shows(lambda lines: "Watch it? [Y/n]" in lines[0] if lines else False)
        screen.types("\n")
        screen.shows(lambda lines: any("12 of 48" in line for line in lines))
        played.has(OVER)
        assert screen.ends() == Exit.IN_STEP


def test_who_does_not_want_to_watch_is_told_how_to(played: Played) -> None:
    played.answers["POST /sync"] = (409, {"error": "batch b1 is running", "batch_id": "b1"})
    played.has(RUNNING)
    with terminal("sync", "--watch", width=120, variables=urls(played)) as screen:
        screen.shows(lambda lines: "Watch it? [Y/n]" in lines[0] if lines else False)
        screen.types("n\n")
        assert screen.ends() == Exit.REFUSED
        assert any("fss watch b1, or fss cancel b1" in line for line in screen.lines)


def test_a_watch_without_a_name_follows_the_latest_batch_whoever_started_it(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.has({**OVER, "trigger": "scheduler"})
    assert main(["watch"]) == Exit.IN_STEP
    assert "Batch b1: completed" in capsys.readouterr().out


# --- tokens ---------------------------------------------------------------------------------------


def counting(tmp_path: Path) -> str:
    """A command whose tokens are ``token-1``, ``token-2`` and so on."""
    program = tmp_path / "token.py"
    program.write_text(
        "import pathlib, sys\n"
        f"path = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "count = int(path.read_text()) + 1 if path.exists() else 1\n"
        "path.write_text(str(count))\n"
        "print('-'.join(['token', str(count), *sys.argv[1:]]))\n"
    )
    return shlex.join([sys.executable, str(program)])


def test_a_watch_outlives_its_tokens(
    played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each token is accepted for 20 seconds of the watch, which takes a minute and a half."""
    now = [0.0]
    born: dict[str, float] = {}

    def accepts(bearer: str) -> bool:
        return now[0] - born.setdefault(bearer, now[0]) <= 20

    def pass_by(seconds: float) -> None:
        now[0] += seconds
        if now[0] > 90:
            played.has(OVER)

    played.has(RUNNING)
    played.accepts = accepts
    monkeypatch.setattr("local.fss.sync.time.sleep", pass_by)
    monkeypatch.setenv("FSS_TOKEN_COMMAND", counting(tmp_path))

    assert main(["watch", "b1"]) == Exit.IN_STEP

    used = list(dict.fromkeys(bearer for _, _, bearer in played.asked))
    assert used[:3] == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]
    assert int((tmp_path / "count").read_text()) == len(used), "each is fetched once"


def test_a_new_token_that_is_refused_is_not_fetched_again(played: Played, tmp_path: Path) -> None:
    played.accepts = lambda _: False
    deployment = Deployment(None, played.url, TokenCommand(counting(tmp_path)))
    with pytest.raises(Failure, match="the token is not accepted"):
        deployment.store()
    assert (tmp_path / "count").read_text() == "1"


def test_the_audience_in_a_command_is_the_url_that_is_called(
    played: Played, tmp_path: Path
) -> None:
    played.answers["GET /store"] = (200, {})
    played.answers["POST /sync"] = (202, {})
    command = TokenCommand(f"{counting(tmp_path)} {{audience}}")
    other = played.url.replace("127.0.0.1", "localhost")
    deployment = Deployment(other, f"{played.url}/", command)
    deployment.store()
    deployment.start({})
    deployment.store()
    assert [bearer for _, _, bearer in played.asked] == [
        f"Bearer token-1-{played.url}",
        f"Bearer token-2-{other}",
        f"Bearer token-1-{played.url}",
    ]
