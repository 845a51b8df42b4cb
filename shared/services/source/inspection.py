"""Decides what is to be indexed of an object: preflight, media type, sidecar, content key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from shared.domain.ids import content_key
from shared.domain.scan.comparison import Wanted
from shared.domain.source.content_encoding import Packing, packing_of, unpacked_head
from shared.domain.source.eligibility import (
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
from shared.domain.source.metadata import MAX_SIDECAR_SIZE, MetadataSources
from shared.domain.source.object_info import ObjectInfo
from shared.services.context import Context
from shared.services.source.sidecars import find_sidecar, sidecar_among


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
    used = {info.name: sidecar_among(context, info.name, sidecars) for info in objects}
    verdicts = _by_name_and_size(context, objects, {each.name for each in used.values() if each})
    unknown = [info for info in objects if isinstance(verdicts.get(info.name), NeedsSniff)]
    heads = context.bucket.read_heads(unknown, SNIFF_LENGTH) if unknown else {}
    for info in unknown:
        head = heads[info.name]
        verdicts[info.name] = (
            Accepted(PLAIN_TEXT)  # replaced since the listing: the upload notices and plans again
            if head is None
            else _sniffed(info, head)
        )
    return [
        _wanted(context, info, _usable(used[info.name]), verdicts[info.name])
        for info in objects
        if info.name in verdicts
    ]


def _sniffed(info: ObjectInfo, head: bytes) -> Accepted | Skipped:
    complete = info.size <= len(head)
    if packing_of(info.content_encoding) is Packing.GZIP:
        try:
            head, complete = unpacked_head(head, complete=complete, most=SNIFF_LENGTH)
        except ValueError:
            return Skipped(SkipReason.ENCODED_CONTENT)
    return sniff(head, complete=complete)


def _by_name_and_size(
    context: Context, objects: Sequence[ObjectInfo], used: Collection[str]
) -> dict[str, Accepted | NeedsSniff | Skipped]:
    """The preflight verdict of each object, by name; the sidecars that are used have none."""
    settings = context.rules.settings
    verdicts: dict[str, Accepted | NeedsSniff | Skipped] = {}
    for info in objects:
        verdict = preflight(
            settings.relative(info.name),
            info.size,
            max_size=settings.max_file_bytes,
            include=settings.include,
            exclude=settings.exclude,
            not_ignored=settings.not_ignored,
            packing=packing_of(info.content_encoding),
        )
        if isinstance(verdict, Sidecar):
            if info.name in used:
                continue
            verdict = Skipped(SkipReason.SIDECAR_WITHOUT_BASE)
        verdicts[info.name] = verdict
    return verdicts


def _usable(sidecar: ObjectInfo | None) -> ObjectInfo | None:
    """The sidecar, or None if it is too large or can't be decoded."""
    if sidecar is None or sidecar.size > MAX_SIDECAR_SIZE:
        return None
    return None if packing_of(sidecar.content_encoding) is Packing.UNKNOWN else sidecar


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
    updated = max(info.updated, sidecar.updated) if sidecar else info.updated
    is_young = context.clock.now() - updated < rules.settings.min_age
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
        rule=verdict.rule if isinstance(verdict, Skipped) else None,
        is_young=is_young and isinstance(verdict, Accepted),
        hashes=info.hashes,
        content_encoding=packing_of(info.content_encoding).value,
        import_settings=rules.settings.import_settings,
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
        names=settings.metadata_names,
    )


def inspect_one(context: Context, path: str) -> Wanted | None:
    """The row of one path, read from the bucket now; None if it has no object."""
    info = context.bucket.stat(path)
    if info is None:
        return None
    sidecar = find_sidecar(context, path)
    rows = inspect(context, [info], {sidecar.name: sidecar} if sidecar else {})
    return rows[0] if rows else None
