"""Before the deployment: is all there, may it cost this, state, secret and channel."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable

from local.packaging import ROOT, build
from local.rehearsal.google.applying import applied
from local.rehearsal.google.commands import SERVICES, Commands
from local.rehearsal.google.costs import AS_OF, estimated
from local.rehearsal.google.inventory import inventory_commands, not_googles_own, take_inventory
from local.rehearsal.google.key import gemini_client
from local.rehearsal.google.place import Place
from local.rehearsal.library.versions import LIBRARY_REQUESTS, files_for
from local.rehearsal.programs import CommandFailed, Programs
from local.rehearsal.step import Findings, Step, StepFailed
from shared.domain.throttle.tiers import Tier

OLDEST_TERRAFORM = (1, 9)
MONITORING = "monitoring.googleapis.com"

_WORKING_FILES = shutil.ignore_patterns(".terraform", "*.tfstate*", "*.tfplan")


class Preparation:
    """The steps before the deployment.

    Args:
        place: Where it will be.
        programs: Runs the commands.
        key: The Gemini key.
        tier: The key's quota tier.
        swap_seconds: How long a deployment of other code takes.
        asked: Asks the person a question, and returns the answer.

    Attributes:
        minutes: About how long the whole rehearsal takes.
    """

    def __init__(
        self,
        place: Place,
        programs: Programs,
        key: str,
        tier: Tier,
        swap_seconds: float,
        asked: Callable[[str], str],
    ) -> None:
        self._place = place
        self._run = programs.run
        self._programs = programs
        self._commands = Commands(place)
        self._key = key
        self._tier = tier
        self._swap_seconds = swap_seconds
        self._asked = asked

        self.minutes = 0.0

    def look(self, findings: Findings) -> None:
        """Check that everything is there; nothing is changed.

        Raises:
            StepFailed: Something is missing, or the project is not empty.
        """
        commands = self._commands
        components = json.loads(self._run(commands.gcloud_version()))
        if missing := [name for name in ("alpha", "beta") if name not in components]:
            raise StepFailed(f"gcloud components install {' '.join(missing)}")
        terraform = json.loads(self._run(commands.terraform_version()))["terraform_version"]
        if tuple(map(int, re.findall(r"\d+", terraform)[:2])) < OLDEST_TERRAFORM:
            raise StepFailed(f"terraform is {terraform}; 1.9 or newer is needed")
        account = self._run(commands.account()).strip()
        if not account or account.endswith(".gserviceaccount.com"):
            raise StepFailed("log in as a person: gcloud auth login --update-adc")
        try:
            self._run(commands.terraform_login())
        except CommandFailed as error:
            raise StepFailed(
                "Terraform finds no credentials: gcloud auth login --update-adc"
            ) from error
        project = json.loads(self._run(commands.project()))
        if self._run(commands.billing()).strip() != "True":
            raise StepFailed(f"{self._place.project} has no billing account")
        before = take_inventory(self._place, self._programs)
        if there := not_googles_own(before):
            named = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in there.items())
            raise StepFailed(
                f"{self._place.project} is not empty, and a rehearsal removes what it makes. Use a "
                f"project of its own. It holds {named}"
            )
        with gemini_client(self._key) as client:
            stores = [store.name for store in client.file_search_stores.list()]
        findings.say(
            f"gcloud {components['Google Cloud SDK']}, Terraform {terraform}, "
            f"logged in as {account}"
        )
        findings.say(f"The project is empty. The key works; stores that it sees: {len(stores)}.")
        findings.keep(
            account=account, number=project["projectNumber"], before=before, stores_before=stores
        )

    def agree(self, findings: Findings) -> None:
        """Say what will be made and what it will cost, and ask.

        Raises:
            StepFailed: The person did not agree.
        """
        place = self._place
        costs = list(estimated(self._tier, self._swap_seconds))
        hours = self.minutes / 60
        requests = LIBRARY_REQUESTS + 4 * files_for(self._tier, self._swap_seconds)
        findings.say(
            f"In the project {place.project} ({place.region}), as {findings.memory['account']}:\n"
            f"- everything that terraform/ describes, under names that begin with {place.name}\n"
            f"- the bucket {place.state_bucket} for Terraform's state\n"
            f"- a channel that sends alerts by e-mail to {findings.memory['account']}\n"
            f'- the File Search store "{place.store}" in the project of the Gemini key\n'
            "All of it is removed at the end. Services stay enabled.\n\n"
            f"It takes about {hours:.1f} hours, and about {requests} metered requests of the key's "
            "quota. Near the end it uploads small files until one is refused: nobody else should "
            "need the key meanwhile.\n\n"
            f"Expected cost, at list prices of {AS_OF}, without free tiers:"
        )
        for each in costs:
            findings.say(f"  {each.item:<34} {each.quantity:<22} {each.usd:>6.2f} $")
        findings.say(f"  {'Together':<57} {sum(each.usd for each in costs):>6.2f} $\n")
        answer = self._asked(f"To go on, type the project's id ({place.project}): ")
        if answer.strip() != place.project:
            raise StepFailed("not agreed")
        findings.keep(agreed=True)

    def bootstrap(self, findings: Findings) -> None:
        """Enable the first services, make the state's bucket, build the zips, get the provider."""
        place, commands = self._place, self._commands
        findings.keep(made=True)  # from here on something may have to be removed
        self._run(commands.enable(*SERVICES))
        try:
            self._run(commands.create_state_bucket())
        except CommandFailed as error:
            if not (findings.is_again and "409" in error.output):
                raise
        self._run(commands.version_state_bucket())
        shutil.rmtree(place.checkout, ignore_errors=True)
        shutil.copytree(ROOT / "terraform", place.configuration, ignore=_WORKING_FILES)
        (place.checkout / "shared").mkdir()
        for shared in (ROOT / "shared").glob("*.json"):
            shutil.copy(shared, place.checkout / "shared")
        for name, package in build(place.checkout / "build").items():
            findings.say(f"{name}.zip  {package.size:,} bytes  sha256 {package.sha256[:12]}...")
        self._write_variables(findings)
        self._run(commands.init())
        findings.keep(initialized=True)

    def add_key(self, findings: Findings) -> None:
        """Make the secret, and put the key into it."""
        applied(self._commands.apply_secret(), self._programs, findings)
        version = self._run(self._commands.add_key(), given=self._key).strip()
        findings.keep(key_version=version.rpartition("/")[2])
        self._write_variables(findings)

    def add_channel(self, findings: Findings) -> None:
        """Make a channel that sends alerts to the person."""
        self._run(self._commands.enable(MONITORING))
        if not findings.memory.get("channel"):
            account = findings.memory["account"]
            channel = self._run(self._commands.create_channel(account)).strip()
            findings.keep(channel=channel)
        self._write_variables(findings)

    def _write_variables(self, findings: Findings) -> None:
        memory = findings.memory
        values = self._place.variables(
            account=memory["account"],
            key_version=memory.get("key_version", "1"),
            channel=memory.get("channel"),
        )
        self._place.variables_file.write_text(json.dumps(values, indent=1), encoding="utf-8")

    def steps(self) -> list[Step]:
        """Return the steps."""
        commands = self._commands
        return [
            Step(
                name="look",
                title="Look at what is there",
                about="Programs, log-in, project, billing, key. Nothing is changed.",
                play=self.look,
                commands=(
                    commands.gcloud_version(),
                    commands.terraform_version(),
                    commands.account(),
                    commands.terraform_login(),
                    commands.project(),
                    commands.billing(),
                    *inventory_commands(self._place),
                ),
                is_needed=True,
                minutes=1,
            ),
            Step(
                name="agree",
                title="Ask whether to go on",
                about="What will be made, and what it will cost.",
                play=self.agree,
                is_needed=True,
            ),
            Step(
                name="bootstrap",
                title="Prepare the project for Terraform",
                about=(
                    "The first services, a bucket for the state, the functions' zips, the provider."
                ),
                play=self.bootstrap,
                commands=(
                    commands.enable(*SERVICES),
                    commands.create_state_bucket(),
                    commands.version_state_bucket(),
                    commands.init(),
                ),
                is_needed=True,
                minutes=2,
            ),
            Step(
                name="key",
                title="Store the Gemini key",
                about="The key goes from its file into Secret Manager, through standard input.",
                play=self.add_key,
                commands=(commands.apply_secret(), commands.add_key()),
                is_needed=True,
                minutes=1,
            ),
            Step(
                name="channel",
                title="Make a channel for alerts",
                about="It sends e-mail to the account that is logged in.",
                play=self.add_channel,
                commands=(commands.enable(MONITORING), commands.create_channel("ACCOUNT")),
                minutes=1,
            ),
        ]
