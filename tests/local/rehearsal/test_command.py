"""The command line of the rehearsal."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.fss.deployment.outcome import Exit
from local.rehearsal.__main__ import main
from local.rehearsal.google.key import UnusableKey, read_key
from local.rehearsal.google.place import new_deployment


@pytest.mark.parametrize(
    "words",
    [
        ["--project", "my-project"],
        ["--key-file", "gemini.key"],
        ["--project", "My_Project", "--key-file", "gemini.key"],
        ["--tier", "tier3"],
        ["--earlier"],
    ],
)
def test_a_mistake_ends_before_anything_is_done(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == Exit.USAGE
    assert "make rehearse: error: " in capsys.readouterr().err


def test_a_key_that_is_missing_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--project", "my-project", "--key-file", str(tmp_path / "none")]
    assert main(words) == Exit.USAGE
    said = capsys.readouterr().err
    assert said == f"rehearse: {words[-1]} can't be read: No such file or directory\n"


def test_a_key_is_the_only_word_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("AQ.key\n")
    assert read_key(file) == "AQ.key"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"GEMINI_API_KEY = secret", b"\xff"])
def test_a_file_without_a_key_is_refused_and_its_content_not_told(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(UnusableKey) as refused:
        read_key(file)
    assert str(file) in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_steps_can_be_read_with_their_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == Exit.IN_STEP
    listed = capsys.readouterr().out
    assert " 1  Look at what is there: " in listed
    assert "      gcloud billing projects describe PROJECT " in listed
    assert "      terraform -chdir=" in listed


def test_no_two_rehearsals_have_the_same_name() -> None:
    names = {new_deployment() for _ in range(20)}
    assert len(names) > 15
    assert all(len(name) == 14 for name in names)  # the longest that Terraform accepts
