"""Removes everything, and says what is left."""

from __future__ import annotations

from collections.abc import Sequence

from local.rehearsal.google.commands import Commands
from local.rehearsal.google.costs import counted_builds
from local.rehearsal.google.inventory import (
    SERVICES,
    added,
    inventory_commands,
    not_googles_own,
    take_inventory,
)
from local.rehearsal.google.key import gemini_client
from local.rehearsal.google.place import Place
from local.rehearsal.programs import CommandFailed, Programs
from local.rehearsal.step import Findings, LeftOut, Step

LEFT = "left"
"""The step that names what is left; to play it again removes nothing."""

NOTHING_MATCHED = 1
"""Exit status of `gcloud storage rm` where there is nothing to remove."""


class TearDown:
    """The last steps; each can be played again until it works.

    Args:
        place: Where the deployment is.
        programs: Runs the commands.
        key: The Gemini key.
    """

    def __init__(self, place: Place, programs: Programs, key: str) -> None:
        self._place = place
        self._run = programs.run
        self._programs = programs
        self._commands = Commands(place)
        self._key = key

    def count(self, findings: Findings) -> None:
        """Count the builds, which are gone from the list with the project only."""
        cost = counted_builds(self._run(self._commands.builds()))
        findings.cost(cost.item, cost.quantity, cost.usd)
        findings.say(f"{cost.item}: {cost.quantity}, {cost.usd:.2f} $")

    def delete_stores(self, findings: Findings) -> None:
        """Delete the deployment's store: the key can see it, and Terraform doesn't know of it."""
        _need("agreed", findings)
        before: Sequence[str] = findings.memory["stores_before"]
        with gemini_client(self._key) as client:
            ours = [
                store.name or ""
                for store in client.file_search_stores.list()
                if store.display_name == self._place.store and store.name not in before
            ]
            for name in ours:
                client.file_search_stores.delete(name=name, config={"force": True})
            left = [store.name for store in client.file_search_stores.list() if store.name in ours]
        findings.check("the store is deleted", not left, ", ".join(ours) or "there was none")

    def destroy(self, findings: Findings) -> None:
        """Empty the bucket, destroy what Terraform made, then the channel and the state."""
        _need("made", findings)
        commands = self._commands
        if findings.memory.get("initialized"):
            self._run(commands.init())
            self._run(commands.empty_bucket(), accepted=(0, NOTHING_MATCHED))
            try:
                self._run(commands.destroy())
            except CommandFailed as error:
                findings.say(f"{error}\nTried once more.")
                self._run(commands.destroy())
            left = self._run(commands.left_in_state()).split()
            findings.check("Terraform has nothing left", not left, ", ".join(left))
        if channel := findings.memory.get("channel"):
            self._run(commands.delete_channel(channel))
            findings.keep(channel=None)
        self._run(commands.delete_state_bucket(), accepted=(0, NOTHING_MATCHED))

    def name_what_is_left(self, findings: Findings) -> None:
        """List the project again, and name everything that was not there before."""
        _need("made", findings)
        left = added(findings.memory["before"], take_inventory(self._place, self._programs))
        for kind, names in left.items():
            findings.say(f"{kind}: {', '.join(names)}")
        ours = not_googles_own(left)
        named = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in ours.items())
        findings.check("nothing of the deployment is left", not ours, named)
        if left.keys() - {SERVICES}:
            findings.say("What is left was made by Google's services themselves.")
        findings.say(
            "To remove the project with all that is in it: "
            f"gcloud projects delete {self._place.project}"
        )

    def steps(self) -> list[Step]:
        """Return the steps."""
        commands = self._commands
        return [
            Step(
                name="builds",
                title="Count the builds",
                about="Most of the cost is what Cloud Build takes to build the functions.",
                play=self.count,
                commands=(commands.builds(),),
            ),
            Step(
                name="stores",
                title="Delete the store",
                about="With Google's own client and the key.",
                play=self.delete_stores,
                always=True,
            ),
            Step(
                name="destroy",
                title="Tear down",
                about="The bucket's objects, all that Terraform made, the channel, the state.",
                play=self.destroy,
                commands=(
                    commands.init(),
                    commands.empty_bucket(),
                    commands.destroy(),
                    commands.left_in_state(),
                    commands.delete_channel("CHANNEL"),
                    commands.delete_state_bucket(),
                ),
                always=True,
                minutes=6,
            ),
            Step(
                name=LEFT,
                title="Name what is left",
                about="The project is listed once more and compared with the list from before.",
                play=self.name_what_is_left,
                commands=tuple(inventory_commands(self._place)),
                always=True,
                minutes=1,
            ),
        ]


def _need(value: str, findings: Findings) -> None:
    """Raise `LeftOut` if the rehearsal never came so far."""
    if not findings.memory.get(value):
        raise LeftOut("nothing was made")
