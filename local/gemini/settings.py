"""How the simulated service behaves when nothing goes wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Settings:
    """Durations are in seconds of the real service; `time_scale` divides them.

    Attributes:
        time_scale: How many times faster than the real service; also divides quota windows.
        seed: Of the jitter and of the faults by rate.
        processing_s: From the end of an upload to the file being ACTIVE.
        import_base_s: An import, however small. Reports say 5 to 11 s for 100 KB.
        import_per_mb_s: On top for each MB. Reports say 18 to 110 s for 1 MB.
        jitter: Each duration is drawn from 1 - jitter to 1 + jitter times its mean.
        file_ttl_s: The life of a raw file, documented as 48 h. Not divided by the time scale:
            clients compare the expirationTime with their own clock.
        full_names: A finished import answers with full resource names. Off, it answers with
            bare ids, as the real service is reported to do.
        keep_bytes: As much of each content is kept, for queries and downloads.
    """

    time_scale: float = 1.0
    seed: int = 0
    processing_s: float = 0.5
    import_base_s: float = 3.0
    import_per_mb_s: float = 15.0
    jitter: float = 0.3
    file_ttl_s: float = 48 * 3_600.0
    full_names: bool = False
    keep_bytes: int = 256 * KIB


class Pace:
    """Draws how long things take."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311 - repeatable, not secret

    def processing_s(self) -> float:
        """Seconds until an uploaded file is ACTIVE."""
        return self._draw(self._settings.processing_s)

    def importing_s(self, size_bytes: int) -> float:
        """Seconds until a document of this size is indexed."""
        settings = self._settings
        return self._draw(settings.import_base_s + settings.import_per_mb_s * size_bytes / MIB)

    def scaled_s(self, seconds: float) -> float:
        """Seconds here for `seconds` of the real service."""
        return seconds / self._settings.time_scale

    def _draw(self, mean_s: float) -> float:
        jitter = self._settings.jitter
        return self.scaled_s(mean_s * self._random.uniform(1 - jitter, 1 + jitter))
