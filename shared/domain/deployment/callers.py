"""Who may call which route: the deployment's own service accounts, and people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SERVICE_ACCOUNT = ".gserviceaccount.com"
"""How the e-mail address of every service account ends."""


class Caller(StrEnum):
    """A kind of caller."""

    PEOPLE = "people"
    SCHEDULER = "Cloud Scheduler"
    TASKS = "Cloud Tasks"
    EVENTS = "the bucket's notifications"


@dataclass(frozen=True, slots=True)
class Callers:
    """The callers of a deployment.

    IAM decides which people may call a function at all, also by their groups, which no token tells.
    So whoever is no service account counts as people. A service account counts as what it is named
    for here, and as nobody if it isn't.

    Attributes:
        machines: The address of each kind of machine, if it has one.
        like_people: Service accounts that may do what people may.
        are_checked: Whether tokens are read at all; not so on one machine, where there are none.
    """

    machines: Mapping[Caller, str] = field(default_factory=dict)
    like_people: tuple[str, ...] = ()
    are_checked: bool = True

    def kinds(self, email: str) -> frozenset[Caller]:
        """What a caller with this address may act as; nothing without an address."""
        address = email.lower()
        kinds = {kind for kind, machine in self.machines.items() if machine.lower() == address}
        named = address in {each.lower() for each in self.like_people}
        if named or (address and not address.endswith(SERVICE_ACCOUNT)):
            kinds.add(Caller.PEOPLE)
        return frozenset(kinds)
