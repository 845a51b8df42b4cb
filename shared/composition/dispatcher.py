"""What the dispatcher does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from shared.composition.ports import context
from shared.config import SyncSettings
from shared.services.batch.ask_sync import AskSync
from shared.services.batch.control import ControlBatch
from shared.services.batch.start import StartSync
from shared.services.batch.supervise import Supervise
from shared.services.context import Context
from shared.services.health import Health
from shared.services.scan.scan_bucket import ScanBucket
from shared.services.store.cut_over import CutOver


@dataclass(frozen=True)
class UseCases:
    """The use cases of one function's process, each created when first used."""

    settings: SyncSettings

    @cached_property
    def _context(self) -> Context:
        return context(self.settings)

    @cached_property
    def start(self) -> StartSync:
        return StartSync(self._context)

    @cached_property
    def ask_sync(self) -> AskSync:
        return AskSync(self._context)

    @cached_property
    def scan(self) -> ScanBucket:
        return ScanBucket(self._context)

    @cached_property
    def supervise(self) -> Supervise:
        return Supervise(self._context)

    @cached_property
    def health(self) -> Health:
        settings = self.settings
        key = settings.gemini_api_key.get_secret_value()
        return Health(self._context, key, simulated=settings.gemini_base_url is not None)

    @cached_property
    def control(self) -> ControlBatch:
        return ControlBatch(self._context)

    @cached_property
    def cut_over(self) -> CutOver:
        return CutOver(self._context)
