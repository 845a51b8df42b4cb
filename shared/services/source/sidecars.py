"""Finds the sidecar of an object; its name may have another Unicode form than the object's.

The sidecar of exactly the object's name wins, then the first of ``other_forms``. The deployment's
prefix is bytes, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.domain.source.object_info import ObjectInfo
from shared.domain.source.object_name import other_forms
from shared.domain.source.sidecar_name import base_name, sidecar_name
from shared.services.context import Context


def names_in_other_forms(context: Context, name: str) -> tuple[str, ...]:
    """The other names that differ from `name` in their Unicode form only; mostly none."""
    settings = context.rules.settings
    return tuple(settings.prefix + form for form in other_forms(settings.relative(name)))


def sidecar_names(context: Context, name: str) -> tuple[str, ...]:
    """The names that the sidecar of the object `name` may have, the first that exists is used."""
    exact = sidecar_name(name)
    return exact, *names_in_other_forms(context, exact)


def sidecar_among(
    context: Context, name: str, sidecars: Mapping[str, ObjectInfo]
) -> ObjectInfo | None:
    """The sidecar of the object `name` among these, by name; None if it is not there."""
    return next((sidecars[each] for each in sidecar_names(context, name) if each in sidecars), None)


def find_sidecar(context: Context, name: str) -> ObjectInfo | None:
    """The sidecar of the object `name` in the bucket; None if it has none."""
    return next(filter(None, map(context.bucket.stat, sidecar_names(context, name))), None)


def planned_sidecar(context: Context, name: str) -> str:
    """The name of the sidecar with which `name` was planned, which may be gone meanwhile."""
    exact, *others = sidecar_names(context, name)
    found = find_sidecar(context, name) if others else None
    return found.name if found else exact


def bases_in_other_forms(context: Context, sidecar: str) -> Iterator[ObjectInfo]:
    """The objects in the bucket that use this sidecar, though their names have another form.

    Names that mix both forms within their folders, or within their last part, are not found.
    """
    for name in names_in_other_forms(context, base_name(sidecar)):
        base = context.bucket.stat(name)
        if base is None:
            continue
        used = find_sidecar(context, name)
        if used is not None and used.name == sidecar:
            yield base
