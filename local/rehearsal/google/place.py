"""Where a rehearsal's deployment is made, and what its parts are called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.rehearsal.library.syncs import SETTINGS

DEPLOYMENT = "rehearsal"
"""The deployment's name. All that Terraform makes begins with ``fss-rehearsal``."""

NAME = f"fss-{DEPLOYMENT}"
STORE = f"file-search-sync {DEPLOYMENT}"
"""The store's display name, which follows from the deployment's."""


@dataclass(frozen=True, slots=True)
class Place:
    """The project of a rehearsal, and the folder on this machine.

    Attributes:
        project: The project's id.
        region: The region of all parts.
        tier: The quota tier of the Gemini key.
        folder: The folder for the journal, the log and a copy of the configuration.
    """

    project: str
    region: str
    tier: str
    folder: Path

    @property
    def state_bucket(self) -> str:
        """The bucket for Terraform's state."""
        return f"{self.project}-{NAME}-terraform"

    @property
    def documents_bucket(self) -> str:
        """The bucket that is synced."""
        return f"{self.project}-{NAME}-documents"

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
        return f"{NAME}-gemini-api-key"

    def account(self, part: str) -> str:
        """The e-mail address of a part's service account."""
        return f"{NAME}-{part}@{self.project}.iam.gserviceaccount.com"

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
            "deployment": DEPLOYMENT,
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
