"""The settings of the simulated service, and its latencies."""

from __future__ import annotations

import random
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """How a store counts its documents.

    Attributes:
        reported_per_byte: How many bytes its sizeBytes counts for each byte of input. The client's
            documentation says 1; the storage quota counts 3.
        lag_s: By how many seconds, not divided by the time scale, its counts and its size lag
            behind new documents.
    """

    reported_per_byte: int = 3
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Durations are in seconds of the real service; `time_scale` divides them.

    Attributes:
        time_scale: How many times faster than the real service; also divides quota windows.
        seed: The seed of the random numbers: jitter and fault rates.
        processing_s: The time from the end of an upload until the file is ACTIVE.
        import_base_s: The time for an import of any size. Users report 5 to 11 s for 100 KB.
        import_per_mb_s: The additional time for each MB. Users report 18 to 110 s for 1 MB.
        jitter: Each duration is between 1 - jitter and 1 + jitter times its mean.
        file_ttl_s: The lifetime of a raw file, documented as 48 h. The time scale does not divide
            it, because clients compare the expirationTime with their own clock.
        full_names: Whether a finished import returns full resource names. If not, it returns bare
            ids, as users report of the real service.
        store_figures: How a store counts its documents.
        keep_bytes: How many bytes of each content are kept for questions and downloads.
        bare_citations: Whether citations come without the documents' metadata, as those of imported
            files did at first: a title that is the raw file's id, and the text.
    """

    time_scale: float = 1.0
    seed: int = 0
    processing_s: float = 0.5
    import_base_s: float = 3.0
    import_per_mb_s: float = 15.0
    jitter: float = 0.3
    file_ttl_s: float = 48 * 3_600.0
    full_names: bool = False
    store_figures: StoreFigures = StoreFigures()
    keep_bytes: int = 256 * KIB
    bare_citations: bool = False


class Latencies:
    """Draws random durations around their means."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311 - repeatable, not secret

    def processing_s(self) -> float:
        """Return the seconds until an uploaded file is ACTIVE."""
        return self._draw(self._settings.processing_s)

    def importing_s(self, size_bytes: int) -> float:
        """Return the seconds until a document of this size is indexed."""
        settings = self._settings
        return self._draw(settings.import_base_s + settings.import_per_mb_s * size_bytes / MIB)

    def scaled_s(self, seconds: float) -> float:
        """Convert seconds of the real service to seconds of the clock."""
        return seconds / self._settings.time_scale

    def _draw(self, mean_s: float) -> float:
        jitter = self._settings.jitter
        return self.scaled_s(mean_s * self._random.uniform(1 - jitter, 1 + jitter))
