"""Decides what is to be indexed of an object: preflight, media type, sidecar, content key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from shared.domain.errors import Unreadable
from shared.domain.file.record import FileRecord, Verdict
from shared.domain.ids import content_key
from shared.domain.metadata.metadata import MetadataSources
from shared.domain.scan.comparison import Wanted, as_known
from shared.domain.source.content_encoding import Packing, packing_of, unpacked_head
from shared.domain.source.eligibility import (
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
from shared.domain.source.object_info import ObjectInfo
from shared.domain.source.sidecar_name import MAX_SIDECAR_SIZE
from shared.gateways.ports import Head
from shared.services.context import Context
from shared.services.source.sidecars import find_sidecar, sidecar_among, sidecar_names


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
    used = {info.name: sidecar_among(context, info.name, sidecars) for info in objects}
    findings = _by_name_and_size(context, objects, {each.name for each in used.values() if each})
    known = {record.path: record for record in records}
    rows: dict[str, Wanted] = {}
    unknown = []
    for info in objects:
        if info.name not in findings:
            continue
        row = _described(context, info, _usable(used[info.name]))
        finding, record = findings[info.name], known.get(info.name)
        verdict = _verdict_on(row, info, record) if record else None
        if isinstance(finding, Skipped):
            row = replace(row, skip_reason=finding.reason.value, rule=finding.rule)
        elif verdict:
            row = _judged(row, verdict)
        elif isinstance(finding, Accepted):
            row = replace(row, media_type=finding.media_type)
        else:
            unknown.append(info)
        rows[info.name] = row
    heads = context.bucket.read_heads(unknown, SNIFF_LENGTH) if unknown else {}
    for info in unknown:
        row = rows[info.name]
        key = as_known(row, record).key if (record := known.get(info.name)) else row.key
        takes = context.rules.settings.takes_pictures
        rows[info.name] = _sniffed(row, info, heads[info.name], key, pictures=takes)
    return list(rows.values())


def _sniffed(row: Wanted, info: ObjectInfo, head: Head, key: str, *, pictures: bool) -> Wanted:
    """The row of an object of unknown media type, by its first bytes; ``key`` is the content's."""
    if head is None:  # replaced since the listing: the upload notices and plans again
        return replace(row, media_type=PLAIN_TEXT)
    finding = (
        Skipped(SkipReason.UNREADABLE)
        if isinstance(head, Unreadable)
        else _found_in(head, info, pictures=pictures)
    )
    declared = info.content_type
    verdict = (
        Verdict(key, skip_reason=finding.reason.value, rules=RULES, declared=declared)
        if isinstance(finding, Skipped)
        else Verdict(key, media_type=finding.media_type, rules=RULES, declared=declared)
    )
    return _judged(row, verdict)


def _found_in(head: bytes, info: ObjectInfo, *, pictures: bool) -> Accepted | Skipped:
    complete = info.size <= len(head)
    if packing_of(info.content_encoding) is Packing.GZIP:
        try:
            head, complete = unpacked_head(head, complete=complete, most=SNIFF_LENGTH)
        except ValueError:
            return Skipped(SkipReason.ENCODED_CONTENT)
    return sniff(head, complete=complete, declared=info.content_type, pictures=pictures)


def _verdict_on(row: Wanted, info: ObjectInfo, record: FileRecord) -> Verdict | None:
    """The record's verdict, if it is about this content, by the present rules and declared type.

    That a read was refused says nothing about another version, even of the same bytes.
    """
    verdict, desired = record.verdict, record.desired
    if verdict is None or (verdict.key, verdict.rules) != (as_known(row, record).key, RULES):
        return None
    if verdict.skip_reason == SkipReason.UNREADABLE and desired:
        read = (desired.generation, desired.sidecar_generation)
        if read != (row.generation, row.sidecar_generation):
            return None
    return verdict if verdict.declared in (None, info.content_type) else None


def _judged(row: Wanted, verdict: Verdict) -> Wanted:
    return replace(
        row, media_type=verdict.media_type, skip_reason=verdict.skip_reason, verdict=verdict
    )


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
            pictures=settings.takes_pictures,
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
    updated = max(info.updated, sidecar.updated) if sidecar else info.updated
    return Wanted(
        path=info.name,
        generation=info.generation,
        metageneration=info.metageneration,
        size=info.size,
        content_hash=info.content_hash,
        metadata_digest=digest,
        key=key,
        sidecar_generation=sidecar.generation if sidecar else None,
        changed_at=updated,
        is_young=context.clock.now() - updated < rules.settings.min_age,
        hashes=info.hashes,
        content_encoding=packing_of(info.content_encoding).value,
        import_settings=rules.settings.import_settings,
        picture_tokens=rules.settings.picture_tokens,
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


def inspect_one(context: Context, path: str, record: FileRecord | None = None) -> Wanted | None:
    """The row of one path, read from the bucket now; None if it has no object."""
    info = context.bucket.stat(path)
    if info is None:
        return None
    sidecar = find_sidecar(context, path)
    sidecars = {sidecar.name: sidecar} if sidecar else {}
    rows = inspect(context, [info], sidecars, [record] if record else [])
    return rows[0] if rows else None


def inspect_each(context: Context, records: Iterable[FileRecord]) -> dict[str, Wanted]:
    """The rows of these files, read from the bucket now, by path; without those that are gone."""
    known = {record.path: record for record in records}
    sidecars = [name for path in known for name in sidecar_names(context, path)]
    found = context.bucket.stat_each([*known, *sidecars])
    objects = [found[path] for path in sorted(known) if path in found]
    return {row.path: row for row in inspect(context, objects, found, known.values())}
