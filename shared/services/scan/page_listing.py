"""What the bucket lists for one page: objects, and their sidecars wherever these are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.file.record import FileRecord
from shared.domain.source.ignored_names import rule_against
from shared.domain.source.object_info import ObjectInfo
from shared.domain.source.sidecar_name import base_name, is_sidecar, sidecar_name
from shared.gateways.database.records import Stored
from shared.services.context import Context
from shared.services.source.sidecars import bases_in_other_forms, sidecar_among, sidecar_names


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects of start <= name < end, and their sidecars, also those of later pages.

    Attributes:
        start: First name of the page.
        end: First name after the page; empty for no bound.
        objects: The objects, without the sidecars of objects of other pages.
        sidecars: Sidecars by name. Those on other pages whose names have another Unicode form than
            their objects' are missing until ``with_sidecars_elsewhere`` has looked for them.
        bases_elsewhere: Objects of other pages whose sidecars are here, in another form; none until
            ``with_sidecars_elsewhere`` has looked for them.
    """

    start: str
    end: str
    objects: list[ObjectInfo]
    sidecars: dict[str, ObjectInfo]
    bases_elsewhere: tuple[ObjectInfo, ...] = ()

    def has_in_range(self, name: str) -> bool:
        """Whether the name is in the page's range, so that its object would be listed."""
        return self.start <= name and (not self.end or name < self.end)

    def cut(self, end: str) -> Listing:
        """The listing without the objects from ``end`` on."""
        return replace(self, end=end, objects=[info for info in self.objects if info.name < end])


def with_sidecars(context: Context, start: str, end: str, listed: list[ObjectInfo]) -> Listing:
    """The listing with sidecars: a sidecar on a later page is read with its base's page."""
    bucket = context.bucket
    names = {info.name for info in listed}
    sidecars = {info.name: info for info in listed if is_sidecar(info.name)}
    claimed = {sidecar for name in names for sidecar in sidecar_names(context, name)}
    objects = []
    for info in listed:
        if info.name in sidecars:
            base = base_name(info.name)
            if base not in names and base < start and bucket.stat(base):
                continue
            if info.name not in claimed and any(bases_in_other_forms(context, info.name)):
                continue
        else:
            sidecar = sidecar_name(info.name)
            beyond = bucket.stat(sidecar) if end and sidecar >= end else None
            if beyond is not None:
                sidecars[sidecar] = beyond
        objects.append(info)
    return Listing(start, end, objects, sidecars)


def with_sidecars_elsewhere(
    context: Context, listing: Listing, found: Sequence[Stored[FileRecord]]
) -> Listing:
    """The listing with what differs in its Unicode form and is on another page.

    A sidecar is looked for where ``may_gain_sidecar`` says so. If one is added later, its own page
    is read again, and finds the objects that use it.
    """
    records = {each.present.path: each.present for each in found}
    sidecars = dict(listing.sidecars)
    for info in listing.objects:
        _, *others = sidecar_names(context, info.name)
        if not others or info.name in listing.sidecars or _is_left_out(context, info.name):
            continue
        if not may_gain_sidecar(info, records.get(info.name)):
            continue
        if sidecar_among(context, info.name, sidecars) is None:
            away = (name for name in others if not listing.has_in_range(name))
            sidecars.update((each.name, each) for each in map(context.bucket.stat, away) if each)
    bases = (
        base
        for name, sidecar in listing.sidecars.items()
        if listing.has_in_range(name) and not _is_known(sidecar, records.get(base_name(name)))
        for base in bases_in_other_forms(context, name)
        if not listing.has_in_range(base.name)
    )
    return replace(listing, sidecars=sidecars, bases_elsewhere=tuple(bases))


def may_gain_sidecar(info: ObjectInfo, record: FileRecord | None) -> bool:
    """Whether to look for a sidecar that the page's range doesn't hold.

    That is so if the object is new or has changed, or if its record has a sidecar.
    """
    desired = record.desired if record else None
    if record is None or desired is None or record.rescan:
        return True
    known = (desired.generation, desired.metageneration)
    return desired.sidecar_generation is not None or known != (info.generation, info.metageneration)


def _is_left_out(context: Context, name: str) -> bool:
    """Whether a rule leaves the object out, so that it needs no sidecar."""
    settings = context.rules.settings
    rule = rule_against(
        settings.relative(name),
        include=settings.include,
        exclude=settings.exclude,
        not_ignored=settings.not_ignored,
    )
    return rule is not None


def _is_known(sidecar: ObjectInfo, record: FileRecord | None) -> bool:
    """Whether the record of exactly its file has this version of the sidecar."""
    desired = record.desired if record else None
    return desired is not None and desired.sidecar_generation == sidecar.generation
