"""Tells a person that the disk which keeps a run's data is full."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from local.processes.children import CouldNotRun

LEAST: Final = 1024 * 1024
"""Bytes free below which the disk counts as full; a large commit may need as much."""

ENOUGH: Final = 16 * LEAST
"""Bytes free from which a full disk has room again. What refused parts give back for a moment, such
as a draft that they delete, is no room."""

logger = logging.getLogger(__name__)


class DiskSpace:
    """The room on the disk of a folder.

    Parts that can't write refuse what they are asked, and the sync waits; nothing ends by itself.

    Args:
        folder: The folder that keeps the data.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._was_full = False

    @property
    def is_full(self) -> bool:
        """Whether the disk is full now, or was at the last check and has not got room again."""
        return shutil.disk_usage(self._folder).free < (ENOUGH if self._was_full else LEAST)

    def check(self) -> None:
        """Log a line when the disk has become full, and one when it has room again."""
        was_full, self._was_full = self._was_full, self.is_full
        if self._was_full and not was_full:
            logger.warning(
                "the disk of %s is full; the sync goes on when there is room", self._folder
            )
        elif was_full and not self._was_full:
            logger.warning("the disk of %s has room again", self._folder)

    @contextmanager
    def named_when_full(self) -> Iterator[None]:
        """Give a full disk as the reason of a failure; logs on it can't tell any.

        Raises:
            CouldNotRun: The block failed, and the disk is full.
        """
        try:
            yield
        except (CouldNotRun, OSError) as error:
            if self.is_full:
                raise CouldNotRun(f"the disk of {self._folder} is full") from error
            raise
