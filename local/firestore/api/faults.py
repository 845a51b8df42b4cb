"""Faults that can be injected; by default there are none."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Final

from local.firestore.refusals import Code, Refused
from local.grpc_server.fault_values import FaultValues

_COMMITS: Final = frozenset({"Commit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults(FaultValues):
    """Which fraction of the calls fail, and how.

    Attributes:
        unavailable_fraction: The fraction of calls that are refused with UNAVAILABLE.
        aborted_fraction: The fraction of commits that are refused with ABORTED.
        lost_fraction: The fraction of calls that have their effect, but are answered with
            DEADLINE_EXCEEDED.
    """

    unavailable_fraction: float = 0.0
    aborted_fraction: float = 0.0
    lost_fraction: float = 0.0


class FaultSwitch:
    """The faults in force, which may change while the server runs.

    Attributes:
        injected: How many calls were answered with each code because of a fault.
    """

    def __init__(self, faults: Faults) -> None:
        self.injected: Counter[Code] = Counter()
        self._faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311 - no secret

    @property
    def faults(self) -> Faults:
        """The faults in force; setting them begins the choice anew."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._random.seed(faults.seed)

    def before(self, method: str) -> None:
        """Refuse a call that is chosen, before it has any effect."""
        self._refuse(self._faults.unavailable_fraction, Code.UNAVAILABLE)
        if method in _COMMITS:
            self._refuse(self._faults.aborted_fraction, Code.ABORTED)

    def after(self) -> None:
        """Refuse a call that is chosen, after its effect."""
        self._refuse(self._faults.lost_fraction, Code.DEADLINE_EXCEEDED)

    def _refuse(self, fraction: float, code: Code) -> None:
        """Refuse this fraction of the calls."""
        if fraction > 0 and self._random.random() < fraction:
            self.injected[code] += 1
            raise Refused(code, "This fault was asked for.")
