"""Names of sidecars: the sidecar of ``Kinetics.md`` is ``Kinetics.md.meta.json``."""

from __future__ import annotations

from typing import Final

MAX_SIDECAR_SIZE: Final = 65_536
"""Bytes. Our own choice: a sidecar is read into memory, and twenty entries take far less."""

SIDECAR_SUFFIX: Final = ".meta.json"


def sidecar_name(path: str) -> str:
    """The name of the sidecar of `path`: ``a.md`` -> ``a.md.meta.json``."""
    return path + SIDECAR_SUFFIX


def is_sidecar(path: str) -> bool:
    """Whether `path` is the name of a sidecar; ``.meta.json`` alone has no base and isn't one."""
    name = path.rpartition("/")[2]
    return name.endswith(SIDECAR_SUFFIX) and name != SIDECAR_SUFFIX


def base_name(sidecar_path: str) -> str:
    """The name of the file that a sidecar describes; raises ValueError if it isn't a sidecar."""
    if not is_sidecar(sidecar_path):
        raise ValueError(f"{sidecar_path!r} is not the name of a sidecar")
    return sidecar_path.removesuffix(SIDECAR_SUFFIX)
