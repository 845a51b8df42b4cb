"""The bytecode of the build counts at each start, though the image dates every module anew."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.packaging import build
from tests.packaging.as_built import BUILD_VARIABLES, unpack

IMPORT_WITHOUT_COMPILING = """
from importlib.machinery import SourceFileLoader
def source_to_code(self, data, path, *, _optimize=-1):
    raise SystemExit("compiles " + str(path))
SourceFileLoader.source_to_code = source_to_code
import shared.loading, shared.composition.status
"""


def imported(folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The outcome of a start that may compile nothing."""
    package = build(folder, ["status"])["status"]
    return subprocess.run(
        [sys.executable, "-c", IMPORT_WITHOUT_COMPILING],
        cwd=unpack(package.path, folder / "status", sys.executable, variables),
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_start_compiles_a_module(tmp_path: Path) -> None:
    found = imported(tmp_path, BUILD_VARIABLES)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("variables", [{}, {"SOURCE_DATE_EPOCH": ""}], ids=["none", "an empty one"])
def test_without_the_build_variable_each_start_would(
    variables: Mapping[str, str], tmp_path: Path
) -> None:
    assert "compiles" in imported(tmp_path, variables).stderr
