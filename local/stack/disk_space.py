"""Tells a person that the disk which keeps a run's data is full."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Final

LEAST: Final = 4 * 1024 * 1024
"""Bytes free below which the disk counts as full: about what the databases of the parts add to
their journals before they write them back."""

logger = logging.getLogger(__name__)


class DiskSpace:
    """The room on the disk of a folder.

    Parts that can't write refuse what they are asked, and the sync waits; nothing ends by itself.

    Args:
        folder: The folder that keeps the data.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_full = False

    def check(self) -> None:
        """Log a line when the disk has become full, and one when it has room again."""
        was_full = self._is_full
        self._is_full = shutil.disk_usage(self._folder).free < LEAST
        if self._is_full and not was_full:
            logger.warning(
                "the disk of %s is full; the sync goes on when there is room", self._folder
            )
        elif was_full and not self._is_full:
            logger.warning("the disk of %s has room again", self._folder)
