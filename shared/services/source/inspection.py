"""What the bucket wants of each object: preflight, media type, sidecar and content key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.domain.ids import content_key
from shared.domain.scan.comparison import Wanted
from shared.domain.source.media_types import PLAIN_TEXT
from shared.domain.source.metadata import MetadataSources, sidecar_name
from shared.domain.source.object_info import ObjectInfo
from shared.domain.source.preflight import (
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
from shared.services.context import Context


def inspect(
    context: Context, objects: Sequence[ObjectInfo], sidecars: Mapping[str, ObjectInfo]
) -> list[Wanted]:
    """What is wanted of ``objects`` (sidecars among them have no row of their own).

    Args:
        context: Ports and rules; the first bytes of objects of unknown type are read.
        objects: Objects of the bucket, sorted by name.
        sidecars: Every sidecar that may belong to one of them, by its name; and every base that
            a sidecar among them may belong to is in ``objects``, or the sidecar is reported.
    """
    verdicts = _by_name_and_size(context, objects)
    unknown = [info for info in objects if isinstance(verdicts.get(info.name), NeedsSniff)]
    heads = context.bucket.read_heads(unknown, SNIFF_LENGTH) if unknown else {}
    for info in unknown:
        head = heads[info.name]
        verdicts[info.name] = (
            Accepted(PLAIN_TEXT)  # replaced since it was listed: the upload will look again
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
    """What preflight says of each; sidecars with a base are left out."""
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
    """The sidecar, unless it is too large to be one."""
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
    """All that the object's metadata is made from."""
    settings = context.rules.settings
    return MetadataSources(
        template=settings.path_template,
        expected_fields=settings.expected_fields,
        info=info,
        sidecar=sidecar,
    )


def inspect_one(context: Context, path: str) -> Wanted | None:
    """What the bucket wants of one path right now; None where there is no such object."""
    info = context.bucket.stat(path)
    if info is None:
        return None
    sidecar = context.bucket.stat(sidecar_name(path))
    rows = inspect(context, [info], {sidecar.name: sidecar} if sidecar else {})
    return rows[0] if rows else None
