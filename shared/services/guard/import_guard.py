"""Guards imports after the scan: by the request's figures, and where the settings changed."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.batch import guards
from shared.domain.batch.batch import Batch
from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import Refused
from shared.domain.estimate.backlog import Backlog
from shared.gateways.database.records import DEPLOYMENT
from shared.services.context import Context
from shared.services.guard.backlog import read_backlog
from shared.services.store.deployment_record import present_deployment


class ImportGuard:
    """Decides whether a batch may import what waits."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def check(self, batch: Batch) -> None:
        """Check what waits after the scan, and save the settings once they are let through.

        Raises:
            Refused: the batch may import nothing.
        """
        settings = self._context.rules.settings
        if not batch.bounds_imports(settings.scan_digest):
            return
        if said := self.refusals(batch, read_backlog(self._context, settings.part(batch.prefix))):
            raise Refused(" ".join(said))
        if batch.is_changed(settings.scan_digest) and batch.prefix == settings.prefix:
            self._let_through(batch)

    def refusals(self, batch: Batch, work: Backlog) -> tuple[str, ...]:
        """The messages of the guards that refuse this work."""
        settings = self._context.rules.settings
        price = settings.price

        def changed_settings() -> None:
            if batch.is_changed(settings.scan_digest) and not batch.allows_changed_settings:
                guards.check_changed_settings(work, price)

        return guards.refusals(
            lambda: guards.check_imports(work, batch.max_imports),
            lambda: guards.check_cost(work, batch.max_estimated_cost, price),
            changed_settings,
        )

    def _let_through(self, batch: Batch) -> None:
        """Save the settings: later syncs continue under them without being asked."""
        digest = self._context.rules.settings.scan_digest
        self._context.records.change(
            Deployment,
            DEPLOYMENT,
            lambda stored: replace(stored.present, imported_settings=digest),
            known=present_deployment(self._context, batch),
        )
