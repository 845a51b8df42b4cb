"""Looks whether all that a sync needs is there and allowed, as the dispatcher sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import Forbidden, GatewayError, NotFound
from shared.gateways.database.records import DEPLOYMENT
from shared.gateways.ports import QueueName
from shared.services.context import Context

SKEW: Final = timedelta(seconds=30)
"""Difference of two clocks from which one of them is wrong."""

STANDARD_KEY: Final = "AIza"
AUTH_KEY: Final = "AQ."
"""How the two kinds of keys begin. Source: ai.google.dev/gemini-api/docs/api-key."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: What it is.
        ok: Whether it is in order.
        detail: What was found.
        mend: What to do about it; empty if it is in order.
    """

    check: str
    ok: bool
    detail: str
    mend: str = ""


class Health:
    """What the dispatcher needs; one process also knows when Scheduler called it last.

    Args:
        key: The key of Gemini, of which only the beginning is looked at.
        simulated: Whether Gemini is a simulator, which takes any key.
    """

    def __init__(self, context: Context, key: str, *, simulated: bool) -> None:
        self._context = context
        self._key = key
        self._simulated = simulated
        self.began_at = context.clock.now()
        self.supervised_at: datetime | None = None

    def supervised(self) -> None:
        """Remember that the supervisor was called now."""
        self.supervised_at = self._context.clock.now()

    def __call__(self) -> dict[str, Any]:
        """Look at everything, JSON-ready.

        Costs two reads, a listing of one object, a look into each queue, and one or two calls of
        Gemini, which are not metered.
        """
        supervised = self.supervised_at and self.supervised_at.isoformat()
        return {
            "deployment": self._context.rules.settings.deployment,
            "time": self._context.clock.now().isoformat(),
            "began_at": self.began_at.isoformat(),
            "supervised_at": supervised,
            "findings": [asdict(finding) for finding in self.findings()],
        }

    def findings(self) -> list[Finding]:
        """Look at each thing that a sync needs."""
        found: list[Finding] = []
        for check, look in self._looks():
            try:
                found.append(look())
            except GatewayError as error:
                found.append(Finding(check, ok=False, detail=str(error), mend=_MENDS[check]))
        return found

    def _looks(self) -> Iterator[tuple[str, Callable[[], Finding]]]:
        yield "records", self._records
        yield "bucket", self._bucket
        yield from (("queues", partial(self._queue, queue)) for queue in QueueName)
        yield "key", self._kind_of_key
        yield "store", self._store

    def _records(self) -> Finding:
        settings = self._context.rules.settings
        stored = self._context.records.get(Deployment, DEPLOYMENT)
        apart = abs(stored.read_time - self._context.clock.now())
        if apart > SKEW:
            return Finding(
                "records",
                ok=False,
                detail=f"the clocks of Firestore and the dispatcher differ by {apart}",
                mend="set the machine's clock",
            )
        if stored.damage is not None:
            return Finding(
                "records",
                ok=False,
                detail=f"the deployment's record can't be read: {stored.damage.fault}",
                mend="deploy the version that wrote it, or sync: it is written anew",
            )
        if (known := stored.record) is None:
            return Finding("records", ok=True, detail="none yet; the first sync makes them")
        ours = (settings.bucket, settings.prefix, settings.deployment)
        theirs = (known.bucket, known.prefix, known.deployment)
        if ours != theirs:
            return Finding(
                "records",
                ok=False,
                detail=f"they belong to {theirs[2]!r} of gs://{theirs[0]}/{theirs[1]}",
                mend="set BUCKET, PREFIX and DEPLOYMENT back, or use a database of its own",
            )
        return Finding(
            "records", ok=True, detail=f"can be read; version {known.schema_version} of the schema"
        )

    def _bucket(self) -> Finding:
        settings = self._context.rules.settings
        place = f"gs://{settings.bucket}/{settings.prefix}"
        found = self._context.bucket.list_objects(prefix=settings.prefix, limit=1)
        state = "can be listed" if found else "has no object"
        return Finding("bucket", ok=True, detail=f"{place} {state}")

    def _queue(self, queue: QueueName) -> Finding:
        self._context.queues.exists(queue, "no-such-task")
        return Finding("queues", ok=True, detail=f"{queue} can be asked")

    def _kind_of_key(self) -> Finding:
        if self._simulated:
            return Finding("key", ok=True, detail="any; Gemini is a simulator")
        if self._key.startswith(AUTH_KEY):
            return Finding("key", ok=True, detail="an auth key")
        if not self._key.startswith(STANDARD_KEY):
            return Finding("key", ok=True, detail="of a kind that isn't known here")
        return Finding(
            "key",
            ok=False,
            detail="it is a standard key, and these are refused since September 2026",
            mend=_MENDS["key"],
        )

    def _store(self) -> Finding:
        known = self._context.records.get(Deployment, DEPLOYMENT).record
        if known is None or not known.store:
            self._context.gemini.list_stores()
            return Finding("store", ok=True, detail="none yet; the first sync makes it")
        try:
            store = self._context.gemini.get_store(known.store)
        except (Forbidden, NotFound) as error:
            self._context.gemini.list_stores()  # raises if the account is at fault
            return Finding(
                "store",
                ok=False,
                detail=f"{known.store} is gone, or the key is another project's: {error}",
                mend="restore the key, or fill a new store: fss sync --mode full --new-store",
            )
        return Finding(
            "store", ok=True, detail=f"{known.store}, {store.active_documents} documents"
        )


_MENDS: Final = {
    "records": "let the dispatcher's account use Firestore (roles/datastore.user): terraform apply",
    "bucket": "let the dispatcher's account list the bucket (roles/storage.objectViewer)",
    "queues": "terraform apply makes the queues and their grants",
    "key": "make an auth key in AI Studio, and add it to the secret",
    "store": "look at the key, its project and its credits",
}
