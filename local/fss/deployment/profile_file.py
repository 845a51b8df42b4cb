"""Writes a profile into an fss.toml, and leaves everything else in it as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from local.fss.deployment.outcome import Exit, Failure
from local.fss.deployment.profile import read_profiles


def write_profile(path: Path, name: str, values: Mapping[str, str], *, is_default: bool) -> None:
    """Add a profile to the file, or replace it there; the file is made if it is missing.

    Raises:
        Failure: The file can't be read or written.
    """
    import tomlkit  # noqa: PLC0415 - only fss init writes

    exists = path.exists()
    if exists:
        read_profiles(path)  # refuses what the other commands would refuse
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if exists else tomlkit.document()
    if is_default:
        document["default"] = name
    profiles = document.setdefault("profiles", tomlkit.table(is_super_table=True))
    table = tomlkit.table()
    table.update(values)
    profiles[name] = table
    draft = path.with_suffix(".toml.new")
    try:
        draft.write_text(tomlkit.dumps(document), encoding="utf-8")
        draft.chmod(0o644)
        draft.replace(path)
    except OSError as error:
        raise Failure(Exit.COULD_NOT_RUN, f"{path} can't be written: {error.strerror}") from error
