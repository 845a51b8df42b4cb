"""Decides what is to be indexed of an object: preflight, media type, sidecar, content key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.domain.ids import content_key
from shared.domain.scan.comparison import Wanted
from shared.domain.source.eligibility import (
    MAX_SIDECAR_SIZE,
    SNIFF_LENGTH,
    Accepted,
    NeedsSniff,
    Sidecar,
    Skipped,
    SkipReason,
    preflight,
    sniff,
)
from shared.domain.source.media_types import PLAIN_TEXT
from shared.domain.source.metadata import MetadataSources, sidecar_name
from shared.domain.source.object_info import ObjectInfo
from shared.services.context import Context


def inspect(
    context: Context, objects: Sequence[ObjectInfo], sidecars: Mapping[str, ObjectInfo]
) -> list[Wanted]:
    """One row for each object, whether it is to be indexed or skipped.

    A sidecar has no row of its own. One whose base is not in ``objects`` is a skipped row.

    Args:
        context: Ports and rules. The bucket is read for objects of unknown media type.
        objects: Objects of the bucket, sorted by name, with the bases of all sidecars among them.
        sidecars: By name, every sidecar that may belong to one of the objects.
    """
    verdicts = _by_name_and_size(context, objects)
    unknown = [info for info in objects if isinstance(verdicts.get(info.name), NeedsSniff)]
    heads = context.bucket.read_heads(unknown, SNIFF_LENGTH) if unknown else {}
    for info in unknown:
        head = heads[info.name]
        verdicts[info.name] = (
            Accepted(PLAIN_TEXT)  # replaced since the listing: the upload notices and plans again
            if head is None
            else sniff(head, complete=info.size <= len(head))
        )
    return [
        _wanted(context, info, _usable(sidecars.get(sidecar_name(info.name))), verdicts[info.name])
        for info in objects
        if info.name in verdicts
    ]


def _by_name_and_size(
    context: Context, objects: Sequence[ObjectInfo]
) -> dict[str, Accepted | NeedsSniff | Skipped]:
    """The preflight verdict of each object, by name; sidecars with a base have none."""
    settings = context.rules.settings
    names = {info.name for info in objects}
    verdicts: dict[str, Accepted | NeedsSniff | Skipped] = {}
    for info in objects:
        verdict = preflight(
            settings.relative(info.name),
            info.size,
            max_size=settings.max_file_bytes,
            include=settings.include,
            exclude=settings.exclude,
        )
        if isinstance(verdict, Sidecar):
            if settings.prefix + verdict.base in names:
                continue
            verdict = Skipped(SkipReason.SIDECAR_WITHOUT_BASE)
        verdicts[info.name] = verdict
    return verdicts


def _usable(sidecar: ObjectInfo | None) -> ObjectInfo | None:
    """The sidecar, or None if it is too large."""
    return sidecar if sidecar is not None and sidecar.size <= MAX_SIDECAR_SIZE else None


def _wanted(
    context: Context,
    info: ObjectInfo,
    sidecar: ObjectInfo | None,
    verdict: Accepted | NeedsSniff | Skipped,
) -> Wanted:
    rules = context.rules
    digest = metadata_sources(context, info, sidecar).digest()
    key = content_key(
        path=info.name,
        size=info.size,
        content_hash=info.content_hash,
        metadata_digest=digest,
        import_settings=rules.settings.import_settings,
    )
    return Wanted(
        path=info.name,
        generation=info.generation,
        metageneration=info.metageneration,
        size=info.size,
        content_hash=info.content_hash,
        metadata_digest=digest,
        key=key,
        media_type=verdict.media_type if isinstance(verdict, Accepted) else None,
        sidecar_generation=sidecar.generation if sidecar else None,
        skip_reason=verdict.reason.value if isinstance(verdict, Skipped) else None,
    )


def metadata_sources(
    context: Context, info: ObjectInfo, sidecar: ObjectInfo | None
) -> MetadataSources:
    """Everything that the metadata of the object's document is made from."""
    settings = context.rules.settings
    return MetadataSources(
        template=settings.path_template,
        expected_fields=settings.expected_fields,
        info=info,
        sidecar=sidecar,
    )


def inspect_one(context: Context, path: str) -> Wanted | None:
    """The row of one path, read from the bucket now; None if it has no object."""
    info = context.bucket.stat(path)
    if info is None:
        return None
    sidecar = context.bucket.stat(sidecar_name(path))
    rows = inspect(context, [info], {sidecar.name: sidecar} if sidecar else {})
    return rows[0] if rows else None


def inspect_each(context: Context, paths: Sequence[str]) -> dict[str, Wanted]:
    """The rows of these paths, read from the bucket now, by path; without those that are gone."""
    found = context.bucket.stat_each([*paths, *map(sidecar_name, paths)])
    objects = [found[path] for path in sorted(paths) if path in found]
    return {row.path: row for row in inspect(context, objects, found)}
