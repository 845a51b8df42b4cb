"""Faults that can be injected; by default there are none."""

from __future__ import annotations

import random
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
    """The faults in force, which may change while the server runs."""

    def __init__(self, faults: Faults) -> None:
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
        if self._chosen(self._faults.unavailable_fraction):
            raise Refused(Code.UNAVAILABLE, "This fault was asked for.")
        if method in _COMMITS and self._chosen(self._faults.aborted_fraction):
            raise Refused(Code.ABORTED, "This fault was asked for.")

    def after(self) -> None:
        """Refuse a call that is chosen, after its effect."""
        if self._chosen(self._faults.lost_fraction):
            raise Refused(Code.DEADLINE_EXCEEDED, "This fault was asked for.")

    def _chosen(self, fraction: float) -> bool:
        return fraction > 0 and self._random.random() < fraction
