"""Prepares a sync: finds or creates its store, and checks that the records know its documents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn

from shared.domain.batch.batch import Batch
from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import Refused
from shared.domain.estimate.prices import load_prices
from shared.domain.file.record import IN_FLIGHT, FileStatus
from shared.domain.reconcile.store_count import CountTrust
from shared.gateways.database import queries
from shared.gateways.database.records import DEPLOYMENT, Stored
from shared.gateways.ports import Store
from shared.services.context import Context, Deadline
from shared.services.events import Event, emit
from shared.services.reconcile.other_deployment import is_confirmed
from shared.services.reconcile.our_documents import OurDocuments
from shared.services.store.deployment_record import new_deployment
from shared.services.store.find_store import NOT_YET, FindStore
from shared.services.store.lost_store import LostStore


@dataclass(frozen=True, slots=True)
class Prepared:
    """The store that a batch works on.

    Attributes:
        name: Resource name; empty if a dry run found none.
        records_lost: Whether the store holds documents of the deployment that the records don't
            know, so that a reconcile must come before the scan. None if the store has to be listed
            to tell, which the reconcile does.
        imported_settings: As in ``Deployment``; empty if the records are lost, or may be.
        other_documents: As in ``Deployment``; none if a person has asked for a reconcile.
        recounts: Whether the scan has to count the records of unchanged ranges.
        difference: By how many documents the store's count still differs since the last sync, so
            that the store has to be listed; None if it doesn't.
    """

    name: str
    records_lost: bool | None = False
    imported_settings: str = ""
    other_documents: tuple[str, ...] = ()
    recounts: bool = False
    difference: int | None = None


class Preparation:
    """Finds or creates the store, and saves with the deployment that the records belong to it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.rules.settings
        self._stores = FindStore(context)

    def __call__(self, batch: Batch, deadline: Deadline) -> Prepared | None:
        """Prepare the batch's store; None if the deadline passed before that was complete.

        With ``force`` unknown documents need no reconcile: they stay, and everything is imported.

        Raises:
            Refused: the store is missing, has another name or another embedding model; or a new
                store may not be begun now.
            GatewayError: the stores or their documents can't be read, so nothing is known.
        """
        deployment = self._context.records.get(Deployment, DEPLOYMENT)
        known = deployment.record
        store, gone = self._find(batch, known)
        is_new = store is None
        if store is None:
            if batch.dry_run:
                return Prepared(NOT_YET if known is not None else "")
            store = self._stores.create()
        self._check_model(store)
        cut_short = known is not None and known.unreconciled
        aside = known is not None and known.sets_aside and self._are_any_aside(self._at_latest())
        cut_short = cut_short or (aside and self._are_any_aside(self._context.clock.now()))
        lost: bool | None = False
        if not (is_new or batch.force) and (cut_short or not self._has_records(store)):
            lost = self._are_records_lost(store, batch)
        rebuilds = lost is not False
        others = known.other_documents if known and not is_confirmed(batch) else ()
        if not batch.dry_run:
            saved = self._save_deployment(
                deployment,
                store,
                is_replaced=bool(gone),
                unreconciled=rebuilds,
                others=others,
                sets_aside=aside,
            )
            if not self._begin_anew(saved, deadline):
                return None
        imported = known.imported_settings if known else self._settings.scan_digest
        return Prepared(
            store.name,
            lost,
            "" if rebuilds else imported,
            others,
            recounts=known is not None and known.recount,
            difference=self._difference(known, store, batch) if known and not is_new else None,
        )

    def _find(self, batch: Batch, known: Deployment | None) -> tuple[Store | None, str]:
        """The batch's store, and the name of the present one if that is gone.

        The store is None if it has to be created; the name is empty if the present store is there,
        or not known.
        """
        if known is None or not known.target:
            return self._stores.find(), ""
        there = self._stores.existing(known.target)
        gone = "" if there else known.target
        if not gone and not self._is_to_begin(batch, known):
            self._check_name(known)
            return there, gone
        self._check_may_begin(batch, known, gone)
        store = self._stores.find(lost=gone)
        if store is not None:
            self._check_is_another(store, known)
        return store, gone

    def _difference(self, known: Deployment, store: Store, batch: Batch) -> int | None:
        """The difference that the last sync left, if it persists while no file is under way."""
        whole = batch.prefix == self._settings.prefix
        if known.count_trust.doubted is None or batch.dry_run or not whole:
            return None
        held = self._context.records.documents.count(queries.in_store(store.name))
        difference = store.documents - held
        persists = known.count_trust.persists(difference, known.known_drift)
        return difference if persists else None

    def _is_to_begin(self, batch: Batch, known: Deployment) -> bool:
        """Whether the batch asks for another store, and has not begun it in an earlier call."""
        return batch.new_store and not known.next_store and batch.store == known.target

    def _check_may_begin(self, batch: Batch, known: Deployment, gone: str) -> None:
        """Check that a store may be found or created for the batch.

        Raises:
            Refused: the present store is gone, and nobody asked for another one; or it isn't gone,
                and has the same name or files under way.
        """
        if gone:
            if not batch.new_store:
                self._check_name(known)
            LostStore(self._context, gone).check(batch)
        else:
            self._check_may_begin_new_store(known)

    def _begin_anew(self, saved: Stored[Deployment], deadline: Deadline) -> bool:
        """Start the files anew that were under way to a lost store; whether none is left."""
        lost = saved.present.lost_store
        if not lost:
            return True
        if not LostStore(self._context, lost).begin_anew(deadline):
            return False
        self._context.records.write(saved, replace(saved.present, lost_store=""))
        return True

    def _check_name(self, deployment: Deployment) -> None:
        """Refuse a changed display name: it means another store, which only ``new_store`` fills."""
        asked, known = self._settings.store_name, deployment.store_name
        if known and asked != known:
            raise Refused(
                f"STORE_DISPLAY_NAME is {asked!r}, but the records belong to the store {known!r}: "
                f"set it back{_or_fill_another(deployment)}"
            )

    def _check_may_begin_new_store(self, deployment: Deployment) -> None:
        """Refuse a new store while files are being processed: they would land in the old one."""
        if deployment.store_name == self._settings.store_name:
            self._refuse_same()
        busy = self._context.records.documents.count(
            queries.with_status(*IN_FLIGHT, FileStatus.DELETING)
        )
        if busy:
            raise Refused(
                f"{busy} files are still being processed for {deployment.store}: set "
                "STORE_DISPLAY_NAME back and let a sync finish first"
            )

    def _check_is_another(self, store: Store, deployment: Deployment) -> None:
        """Refuse to fill the present store, or one that a request to drop it may still delete."""
        if store.name == deployment.store:
            self._refuse_same()
        if store.name == deployment.previous_store:
            raise Refused(
                f"{store.name}, called {self._settings.store_name!r}, is the store that the last "
                "cut-over has left to be dropped: choose another STORE_DISPLAY_NAME for the new one"
            )

    def _refuse_same(self) -> NoReturn:
        raise Refused(
            f"the deployment's present store is called {self._settings.store_name!r}: choose "
            "another STORE_DISPLAY_NAME for the new one"
        )

    def _check_model(self, store: Store) -> None:
        asked = self._settings.embedding_model
        default = load_prices().default_model
        meant = asked or default
        if _model(meant) != (_model(store.embedding_model) or default):
            told = asked or f"not set, which means {meant}"
            raise Refused(
                f"{store.name} was made for {store.embedding_model}, but EMBEDDING_MODEL is "
                f"{told}: set it to the store's, or choose a new STORE_DISPLAY_NAME and sync with "
                "mode full and new_store"
            )

    def _has_records(self, store: Store) -> bool:
        return bool(self._context.records.documents.query(queries.in_store(store.name, limit=1)))

    def _are_any_aside(self, until: datetime) -> bool:
        """Whether a listing of the store at this time can rebuild the record of a file."""
        return bool(self._context.records.documents.count(queries.set_aside(until, limit=1)))

    def _at_latest(self) -> datetime:
        """The time until which a file may be set aside."""
        return self._context.clock.now() + self._context.rules.file.import_deadline

    def _are_records_lost(self, store: Store, batch: Batch) -> bool | None:
        """Whether the store holds documents of the deployment; None if its first page can't tell.

        The store's count may lag by minutes, so it does not decide. But where it is not zero, a
        reconcile, which lists the store, is the shortest way to tell; a dry run needs only the
        first document.
        """
        if store.documents and not batch.dry_run:
            return None
        page = self._context.gemini.list_documents(store.name)
        if any(map(OurDocuments(self._context).is_ours, page.documents)):
            return True
        return None if page.next_page_token else False

    def _save_deployment(
        self,
        deployment: Stored[Deployment],
        store: Store,
        *,
        is_replaced: bool,
        unreconciled: bool,
        others: tuple[str, ...],
        sets_aside: bool,
    ) -> Stored[Deployment]:
        context, settings = self._context, self._settings
        name = settings.store_name
        record = deployment.record
        if record is None:
            imported = "" if unreconciled else settings.scan_digest
            record = new_deployment(context, store.name, imported)
        elif not record.store:
            record = replace(record, store=store.name, store_name=name, owner=settings.owner)
        elif is_replaced:
            record = record.replacing_lost(store.name, name)
            if record.target == record.store:
                emit(
                    Event.STORE_CUT_OVER,
                    f"{store.name} serves from now on, in place of {record.lost_store}, which is "
                    "gone.",
                    store=store.name,
                    previous_store=record.lost_store,
                )
        elif record.target != store.name:
            record = replace(
                record,
                next_store=store.name,
                store_name=name,
                known_drift=0,
                count_trust=CountTrust(),
                settled=None,
            )
        record = replace(
            record, unreconciled=unreconciled, other_documents=others, sets_aside=sets_aside
        )
        return context.records.write(deployment, record)


def _model(name: str) -> str:
    return name.removeprefix("models/")


def _or_fill_another(deployment: Deployment) -> str:
    """The other way out, which is closed while a new store is being filled."""
    if deployment.next_store:
        return ""
    return ", or sync with mode full and new_store to fill a new store"
