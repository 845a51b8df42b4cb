"""When Cloud Scheduler starts the next sync."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron schedule of five fields in a time zone.

    Raises:
        ValueError: The schedule or the zone can't be read.
    """

    cron: str
    zone: str = "Etc/UTC"

    def __post_init__(self) -> None:
        self.next_after(datetime(2026, 1, 1, tzinfo=ZoneInfo("Etc/UTC")))

    def next_after(self, now: datetime) -> datetime | None:
        """The first start after ``now``; None if there is none within the next fifty years."""
        from cronsim import CronSim, CronSimError  # noqa: PLC0415 - only the status function has it

        try:
            zone = ZoneInfo(self.zone)
            return next(iter(CronSim(self.cron, now.astimezone(zone))), None)
        except (CronSimError, KeyError, OSError) as error:
            raise ValueError(f"{self.cron!r} in {self.zone!r}: {error}") from error
