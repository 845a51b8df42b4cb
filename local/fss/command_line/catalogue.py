"""The commands of `fss`, in the order in which the help lists them.

A command is added here, and as a function in a module of ``local.fss.commands``.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Listed(NamedTuple):
    """A command as the help lists it.

    Attributes:
        module: The module of ``local.fss.commands`` that has it, as a function of the same name;
            it is imported only when the command is used.
        summary: One line about it.
    """

    module: str
    summary: str


CATALOGUE: Final = {
    "On this machine": {
        "local": Listed("machine", "sync a folder once"),
        "up": Listed("machine", "start all parts and keep them running"),
    },
    "Start a sync": {
        "sync": Listed("starts", "bring the store in step with the bucket"),
        "retry": Listed("starts", "sync, and try every failed file again"),
        "reconcile": Listed("starts", "compare the store with the records, repair both, sync"),
    },
    "Look": {
        "status": Listed("batches", "show the progress or the result of a batch"),
        "failures": Listed("files", "list the files that failed"),
        "store": Listed("stores", "show the store, or finish replacing it"),
    },
    "Search": {
        "ask": Listed("questions", "ask the store a question"),
    },
    "Steer": {
        "cancel": Listed("orders", "cancel a batch; the next one does the rest"),
        "pause": Listed("orders", "pause a batch until it is resumed"),
        "resume": Listed("orders", "resume a paused batch"),
    },
}
"""The commands by the section of the help that lists them."""

COMMANDS: Final = {name: each for section in CATALOGUE.values() for name, each in section.items()}
