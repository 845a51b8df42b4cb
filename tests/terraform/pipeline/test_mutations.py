"""The tests of the steps can fail: each does, on a copy that is broken accordingly."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.packaging import ROOT
from tests.terraform.pipeline.mutations import MUTATIONS
from tests.terraform.test_cloudbuild import PIPELINE

pytestmark = pytest.mark.terraform

TESTS_FAILED = 1
"""Exit code of pytest, which has others for broken imports and for no tests at all."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_steps_are_noticed(name: str, tmp_path: Path) -> None:
    mutation = MUTATIONS[name]
    shutil.copytree(PIPELINE / "steps", tmp_path / "steps")
    file = tmp_path / "steps" / mutation.file
    text = file.read_text()
    assert mutation.old in text
    file.write_text(text.replace(mutation.old, mutation.new))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-o", f"pythonpath={ROOT} {tmp_path}", "-k", mutation.only),
            str(Path(__file__).with_name(mutation.tests)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == TESTS_FAILED, done.stdout[-2000:]
