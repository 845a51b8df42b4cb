"""Where a rehearsal's deployment is made, and what its parts are called."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.rehearsal.library.syncs import SETTINGS


def new_deployment() -> str:
    """Return a name for a deployment that no earlier rehearsal had.

    Names of queues stay taken for three days after their deletion.
    """
    return f"rehearsal-{secrets.token_hex(2)}"


@dataclass(frozen=True, slots=True)
class Place:
    """The project of a rehearsal, and the folder on this machine.

    Attributes:
        project: The project's id.
        region: The region of all parts.
        tier: The quota tier of the deployment.
        folder: The folder for the journal, the log and a copy of the configuration.
        deployment: The deployment's name.
    """

    project: str
    region: str
    tier: str
    folder: Path
    deployment: str

    @property
    def name(self) -> str:
        """What the names of all that Terraform makes begin with."""
        return f"fss-{self.deployment}"

    @property
    def store(self) -> str:
        """The store's display name, which follows from the deployment's."""
        return f"file-search-sync {self.deployment}"

    @property
    def state_bucket(self) -> str:
        """The bucket for Terraform's state."""
        return f"{self.project}-{self.name}-terraform"

    @property
    def documents_bucket(self) -> str:
        """The bucket that is synced."""
        return f"{self.project}-{self.name}-documents"

    @property
    def checkout(self) -> Path:
        """The folder with the copy of what Terraform reads."""
        return self.folder / "checkout"

    @property
    def configuration(self) -> Path:
        """The copy of Terraform's configuration."""
        return self.checkout / "terraform"

    @property
    def variables_file(self) -> Path:
        """The values of its variables."""
        return self.folder / "rehearsal.tfvars.json"

    @property
    def key_secret(self) -> str:
        """The secret that has the Gemini key."""
        return f"{self.name}-gemini-api-key"

    def account(self, part: str) -> str:
        """The e-mail address of a part's service account."""
        return f"{self.name}-{part}@{self.project}.iam.gserviceaccount.com"

    def variables(self, *, account: str, key_version: str, channel: str | None) -> dict[str, Any]:
        """Return the values of Terraform's variables.

        Args:
            account: The person who rehearses, and so the only operator.
            key_version: The number of the secret's version.
            channel: The notification channel; None for none.
        """
        return {
            "project_id": self.project,
            "region": self.region,
            "deployment": self.deployment,
            "documents_bucket": {"name": self.documents_bucket, "create": True},
            "tier": self.tier,
            "gemini_api_key_version": key_version,
            "sync": {"schedule": "0 6 * * *", "period_hours": 24, "paused": True},
            "settings": {
                "path_template": SETTINGS["PATH_TEMPLATE"],
                "expected_fields": SETTINGS["EXPECTED_FIELDS"].split(","),
            },
            "operators": [f"user:{account}"],
            "notification_channels": [channel] if channel else [],
            "deletion_protection": False,
        }
