"""fss.toml: which deployment a command talks to, and how fss init writes it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from local.fss.__main__ import main
from local.fss.deployment.outcome import Exit
from local.fss.deployment.profile import found_profiles
from tests.local.fss.played import Played

STORE = {"store": "s", "next_store": "", "previous_store": ""}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, played: Played) -> Path:
    """A folder without a profile, in an environment that names no deployment."""
    for name in ("FSS_DISPATCHER_URL", "FSS_STATUS_URL"):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    played.answers["GET /store"] = (200, STORE)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "fss.toml"
    path.write_text(text)
    return path


def test_a_profile_is_found_here_and_above_and_the_default_is_used(
    here: Path, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here, f'default = "b"\n[profiles.a]\nstatus = "http://127.0.0.1:9"\n'
                f'[profiles.b]\nstatus = "{played.url}"\ntoken_command = "echo b"\n')  # fmt: skip
    (here / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(here / "deep" / "er")
    assert main(["store"]) == Exit.IN_STEP
    assert played.asked[0][2] == "Bearer b"
    assert main(["--profile", "a", "store"]) == Exit.COULD_NOT_RUN
    assert main(["store", "--profile", "b"]) == Exit.IN_STEP
    monkeypatch.setenv("FSS_PROFILE", "a")
    assert main(["store"]) == Exit.COULD_NOT_RUN


def test_the_only_profile_needs_no_name(here: Path, played: Played) -> None:
    write(here, f'[profiles.prod]\nstatus = "{played.url}"\n')
    assert main(["store"]) == Exit.IN_STEP


def test_the_environment_wins_and_says_so_if_a_profile_was_named(
    here: Path,
    played: Played,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(here, '[profiles.a]\nstatus = "http://127.0.0.1:9"\ntoken_command = "echo a"\n')
    monkeypatch.setenv("FSS_STATUS_URL", played.url)
    assert main(["store"]) == Exit.IN_STEP
    assert capsys.readouterr().err == ""
    assert main(["--profile", "a", "store"]) == Exit.IN_STEP
    assert "FSS_STATUS_URL or its option wins over profile a" in capsys.readouterr().err
    assert {bearer for _, _, bearer in played.asked} == {"Bearer a"}, "the rest is the profile's"


def test_a_hint_names_the_profile_that_was_used(
    here: Path, played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here, f'[profiles.a]\nstatus = "{played.url}"\ndispatcher = "{played.url}"\n')
    played.answers["POST /sync"] = (409, {"error": "it runs", "batch_id": "b1"})
    assert main(["--profile", "a", "sync"]) == Exit.REFUSED
    assert "fss --profile a watch b1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("profiles = 1", "write each profile as [profiles.NAME]"),
        ("[profile.a]", "unknown key 'profile'; did you mean 'profiles'?"),
        ('[profiles.a]\nstaus = "x"', "unknown key 'staus' of profile 'a'; did you mean 'status'?"),
        ("[profiles.a]\nstatus = 1", "status of profile 'a' must be a text"),
        ('default = "b"\n[profiles.a]', "default is 'b'; the profiles are a"),
        ("[profiles.a", "is no TOML"),
        ("[profiles.a]\n[profiles.b]", "has no default: name a profile with --profile: a, b"),
        ("[profiles.a]", "no deployment given"),
    ],
)
def test_a_file_that_is_wrong_is_told_in_one_line(
    here: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here, text)
    assert main(["store"]) == Exit.USAGE
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_a_file_that_others_may_write_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here, '[profiles.a]\ntoken_command = "touch owned"\n').chmod(0o666)
    assert main(["store"]) == Exit.USAGE
    assert "may be written by others" in capsys.readouterr().err
    assert not (here / "owned").exists()


# --- init -----------------------------------------------------------------------------------------

OUTPUTS = """
output "dispatcher_url" { value = "https://d.run.app" }
output "ask_url" { value = "https://a.run.app" }
output "status_url" { value = "https://s.run.app" }
output "add_key_command" { value = "gcloud secrets versions add k --project my-project" }
"""


@pytest.mark.skipif(shutil.which("terraform") is None, reason="needs Terraform")
def test_init_reads_the_outputs_of_terraform(here: Path) -> None:
    (here / "tf").mkdir()
    (here / "tf" / "main.tf").write_text(OUTPUTS)
    for step in (["init"], ["apply", "-auto-approve"]):
        subprocess.run(["terraform", *step], cwd=here / "tf", check=True, capture_output=True)
    assert main(["init", "dev", "--from-terraform", "tf"]) == Exit.IN_STEP
    profile = found_profiles(here).named("dev")
    assert (profile.dispatcher, profile.status) == ("https://d.run.app", "https://s.run.app")
    assert profile.token_command == "gcloud auth print-identity-token"
    assert (profile.project, profile.ask) == ("my-project", "https://a.run.app")


def test_init_keeps_what_else_the_file_holds(here: Path) -> None:
    path = write(here, '# ours\n[profiles.old]\nstatus = "https://o"  # kept\n')
    words = ["--dispatcher", "https://d/", "--status", "https://s"]
    assert main(["init", "dev", *words, "--default"]) == Exit.IN_STEP
    assert main(["init", "dev", *words, "--project", "p"]) == Exit.IN_STEP, "it is replaced"
    text = path.read_text()
    assert "# ours" in text
    assert 'status = "https://o"  # kept' in text
    found = found_profiles(here)
    assert list(found.known) == ["old", "dev"]
    assert found.usual == "dev"
    assert (found.known["dev"].dispatcher, found.known["dev"].project) == ("https://d", "p")


def test_a_deployment_on_this_machine_needs_no_token(here: Path) -> None:
    url = "http://127.0.0.1:1"
    assert main(["init", "--dispatcher", url, "--status", url]) == Exit.IN_STEP
    assert found_profiles(here).named("default").token_command is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give --from-terraform DIR, or --dispatcher and --status of the deployment"),
        (["--dispatcher", "https://d"], "or --status of the deployment"),
        (["--dispatcher", "d.run.app", "--status", "https://s"], "did you mean https://d.run.app?"),
        (["--from-terraform", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_init_says_what_it_lacks(
    here: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *words]) == Exit.USAGE
    assert told in capsys.readouterr().err
    assert not (here / "fss.toml").exists()


def test_init_tells_what_it_wrote_as_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "http://127.0.0.1:1"
    assert main(["init", "--dispatcher", url, "--status", url, "--json"]) == Exit.IN_STEP
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "file": str(here / "fss.toml"), "profile": "default", "dispatcher": url, "status": url,
    }  # fmt: skip
