"""The commands of `fss`, in the order in which the help lists them.

A command is added here, and as a function in a module below ``local.fss.commands``.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Listed(NamedTuple):
    """A command as the help lists it.

    Attributes:
        module: The module below ``local.fss.commands`` that has it, as a function of the same
            name; it is imported only when the command is used.
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
        "sync": Listed("syncs.starts", "bring the store in step with the bucket"),
        "retry": Listed("syncs.starts", "sync, and try every failed file again"),
        "reconcile": Listed(
            "syncs.starts", "compare the store with the records, repair both, sync"
        ),
    },
    "Look": {
        "status": Listed("look.batches", "show the progress or the result of a batch"),
        "watch": Listed("look.batches", "follow a batch until it ends, whoever started it"),
        "history": Listed("look.history", "list the batches, and what changed since a time"),
        "diff": Listed("look.diff", "list the files that a sync would import or remove"),
        "failures": Listed("look.files", "list the files that failed"),
        "file": Listed("look.files", "show one file's state, its imports and what they cost"),
        "logs": Listed("look.logs", "show what the functions logged about a batch"),
        "page": Listed("look.page", "serve the deployment's page on this machine"),
        "store": Listed("look.stores", "show the store, or finish replacing it"),
    },
    "Search": {
        "ask": Listed("questions", "ask the store a question"),
    },
    "Steer": {
        "cancel": Listed("syncs.orders", "cancel a batch; the next one does the rest"),
        "pause": Listed("syncs.orders", "pause a batch until it is resumed"),
        "resume": Listed("syncs.orders", "resume a paused batch"),
    },
    "Set up": {
        "init": Listed("setup.init", "write a deployment's URLs into fss.toml"),
        "doctor": Listed(
            "setup.doctor", "look whether a deployment is in order, and how to mend it"
        ),
        "completion": Listed("setup.completion", "print what completes the command in a shell"),
    },
}
"""The commands by the section of the help that lists them."""

COMMANDS: Final = {name: each for section in CATALOGUE.values() for name, each in section.items()}
