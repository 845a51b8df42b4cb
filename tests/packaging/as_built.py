"""A function as its image has it: its zip and its pinned packages, and the bytecode of both.

The bytecode is made as by Google's Python buildpacks: packages with hashes that nobody checks (the
module ``python``), the function's own modules by ``compileall`` with the variables of the build
(``functions_framework``). The image then gives every file the same time:
https://github.com/GoogleCloudPlatform/buildpacks and https://buildpacks.io/docs/reference/spec.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

BUILD_VARIABLES = {"SOURCE_DATE_EPOCH": "315532800"}
"""The variables that Terraform gives the build."""

TIME_IN_IMAGE = 315_532_801
"""1980-01-01 and a second: what the image's files are dated."""


def python_with(requirements: Path, folder: Path, base: str = sys.executable) -> Path:
    """An interpreter with nothing but these packages, in ``folder``; equal ones are shared."""
    venv = folder / hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    python = venv / "bin" / "python"
    if not venv.exists():
        subprocess.run([base, "-m", "venv", venv], check=True)
        _install(python, requirements)
        _compile(python, venv / "lib", "--invalidation-mode", "unchecked-hash")
    return python


def unpack(package: Path, folder: Path, python: str | Path, variables: Mapping[str, str]) -> Path:
    """Unpack a zip and compile its modules, for this interpreter and with these variables."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    _compile(python, folder, "-f", variables=variables)
    for path in folder.rglob("*"):
        os.utime(path, (TIME_IN_IMAGE, TIME_IN_IMAGE))
    return folder


def _compile(
    python: str | Path, folder: Path, *options: str, variables: Mapping[str, str] | None = None
) -> None:
    # Some packages have files for other versions of Python, which don't compile.
    command = [str(python), "-m", "compileall", "-qq", *options, "."]
    environment = {"PATH": os.environ["PATH"], **(variables or {})}
    subprocess.run(command, cwd=folder, env=environment, check=False)


def _install(python: Path, requirements: Path) -> None:
    """Install exactly what is pinned: by uv, or by pip where uv finds no index."""
    pip, uv = [str(python), "-m", "pip"], [sys.executable, "-m", "uv", "pip"]
    # Left to resolve extras, a pip before 23.3 looks past the pins; so `check` does it.
    pinned = ["--no-deps", "--require-hashes", "--requirement", str(requirements)]
    if subprocess.run([*uv, "install", "-qq", "--python", python, *pinned], check=False).returncode:
        subprocess.run([*pip, "install", "-qq", *pinned], check=True)
    subprocess.run([*pip, "check"], check=True, stdout=subprocess.DEVNULL)
