"""Decides what is to be indexed of an object: preflight, media type, sidecar, content key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.domain.errors import Unreadable
from shared.domain.file.record import FileRecord, Verdict
from shared.domain.ids import content_key
from shared.domain.scan.comparison import Wanted
from shared.domain.source.eligibility import (
    MAX_SIDECAR_SIZE,
    RULES,
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
from shared.gateways.ports import Head
from shared.services.context import Context


def inspect(
    context: Context,
    objects: Sequence[ObjectInfo],
    sidecars: Mapping[str, ObjectInfo],
    records: Iterable[FileRecord] = (),
) -> list[Wanted]:
    """One row for each object, whether it is to be indexed or skipped.

    A sidecar has no row of its own. One whose base is not in ``objects`` is a skipped row.

    Args:
        context: Ports and rules. The bucket is read for objects of unknown media type.
        objects: Objects of the bucket, sorted by name, with the bases of all sidecars among them.
        sidecars: By name, every sidecar that may belong to one of the objects.
        records: Records of the objects: content of which they have a verdict is not read again.
    """
    findings = _by_name_and_size(context, objects)
    known = {record.path: record.verdict for record in records if record.verdict}
    rows: dict[str, Wanted] = {}
    unknown = []
    for info in objects:
        if info.name not in findings:
            continue
        finding = findings[info.name]
        row = _described(context, info, _usable(sidecars.get(sidecar_name(info.name))))
        verdict = known.get(info.name)
        if isinstance(finding, Skipped):
            row = replace(row, skip_reason=finding.reason.value)
        elif verdict and (verdict.key, verdict.rules) == (row.key, RULES) and _is_of(verdict, info):
            row = _judged(row, verdict)
        elif isinstance(finding, Accepted):
            row = replace(row, media_type=finding.media_type)
        else:
            unknown.append(info)
        rows[info.name] = row
    heads = context.bucket.read_heads(unknown, SNIFF_LENGTH) if unknown else {}
    for info in unknown:
        rows[info.name] = _sniffed(rows[info.name], info, heads[info.name])
    return list(rows.values())


def _sniffed(row: Wanted, info: ObjectInfo, head: Head) -> Wanted:
    """The row of an object of unknown media type, by its first bytes."""
    if head is None:  # replaced since the listing: the upload notices and plans again
        return replace(row, media_type=PLAIN_TEXT)
    finding = (
        Skipped(SkipReason.UNREADABLE)
        if isinstance(head, Unreadable)
        else sniff(head, complete=info.size <= len(head), declared=info.content_type)
    )
    verdict = (
        Verdict(row.key, skip_reason=finding.reason.value, rules=RULES, declared=info.content_type)
        if isinstance(finding, Skipped)
        else Verdict(
            row.key, media_type=finding.media_type, rules=RULES, declared=info.content_type
        )
    )
    return _judged(row, verdict)


def _judged(row: Wanted, verdict: Verdict) -> Wanted:
    return replace(
        row, media_type=verdict.media_type, skip_reason=verdict.skip_reason, verdict=verdict
    )


def _is_of(verdict: Verdict, info: ObjectInfo) -> bool:
    """Whether the verdict depends on no other declared media type than the object's."""
    return verdict.declared in (None, info.content_type)


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


def _described(context: Context, info: ObjectInfo, sidecar: ObjectInfo | None) -> Wanted:
    """The row without what is to be done with the object."""
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
        sidecar_generation=sidecar.generation if sidecar else None,
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


def inspect_one(context: Context, path: str, record: FileRecord | None = None) -> Wanted | None:
    """The row of one path, read from the bucket now; None if it has no object."""
    info = context.bucket.stat(path)
    if info is None:
        return None
    sidecar = context.bucket.stat(sidecar_name(path))
    sidecars = {sidecar.name: sidecar} if sidecar else {}
    rows = inspect(context, [info], sidecars, [record] if record else [])
    return rows[0] if rows else None


def inspect_each(context: Context, records: Iterable[FileRecord]) -> dict[str, Wanted]:
    """The rows of these files, read from the bucket now, by path; without those that are gone."""
    known = {record.path: record for record in records}
    found = context.bucket.stat_each([*known, *map(sidecar_name, known)])
    objects = [found[path] for path in sorted(known) if path in found]
    return {row.path: row for row in inspect(context, objects, found, known.values())}
