"""Every command that a rehearsal runs in a project; a test compares them with what gcloud has."""

from __future__ import annotations

from dataclasses import dataclass

from local.rehearsal.google.place import Place
from local.rehearsal.programs import Command, gcloud

KEY_SECRET = "google_secret_manager_secret.gemini_api_key"  # noqa: S105 - an address, no secret
SERVICES = (
    "cloudresourcemanager.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
)
"""What Terraform needs to enable all others, as in docs/deploy.md."""

LOCK_TIMEOUT = "10m"
"""How long Terraform waits for the state's lock, which an interrupted command may still hold."""


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands for one place."""

    place: Place

    # --- who and where --------------------------------------------------------------------

    def gcloud_version(self) -> Command:
        """The version of gcloud."""
        return gcloud("version", "--format=json")

    def terraform_version(self) -> Command:
        """The version of Terraform."""
        return Command(("terraform", "version", "-json"))

    def account(self) -> Command:
        """Who is logged in."""
        return gcloud("auth", "list", "--filter=status:ACTIVE", "--format=value(account)")

    def terraform_login(self) -> Command:
        """Whether Terraform and Google's clients find credentials."""
        return gcloud("auth", "application-default", "print-access-token", is_secret=True)

    def project(self) -> Command:
        """The project's number and state."""
        return gcloud("projects", "describe", self.place.project, "--format=json")

    def billing(self) -> Command:
        """Whether the project has a billing account."""
        return gcloud(
            "billing", "projects", "describe", self.place.project, "--format=value(billingEnabled)"
        )

    def enabled_services(self) -> Command:
        """The services that are enabled."""
        return self._in_project("services", "list", "--enabled", "--format=value(config.name)")

    # --- bootstrap ------------------------------------------------------------------------

    def enable(self, *services: str) -> Command:
        """Enable services."""
        return self._in_project("services", "enable", *services)

    def create_state_bucket(self) -> Command:
        """Create the bucket for Terraform's state."""
        return self._in_project(
            "storage",
            "buckets",
            "create",
            f"gs://{self.place.state_bucket}",
            f"--location={self.place.region}",
            "--uniform-bucket-level-access",
            "--public-access-prevention",
        )

    def version_state_bucket(self) -> Command:
        """Keep the state's earlier versions."""
        return self._in_project(
            "storage", "buckets", "update", f"gs://{self.place.state_bucket}", "--versioning"
        )

    def add_key(self) -> Command:
        """Add a version to the key's secret; the key is read from standard input."""
        return self._in_project(
            "secrets",
            "versions",
            "add",
            self.place.key_secret,
            "--data-file=-",
            "--format=value(name)",
        )

    def create_channel(self, address: str) -> Command:
        """Create a notification channel that sends e-mail."""
        return self._in_project(
            "beta",
            "monitoring",
            "channels",
            "create",
            f"--display-name={self.place.name}",
            "--type=email",
            f"--channel-labels=email_address={address}",
            "--format=value(name)",
        )

    # --- Terraform ------------------------------------------------------------------------

    def init(self) -> Command:
        """Get the provider, and the state if there is one."""
        return self._terraform(
            "init",
            "-input=false",
            "-reconfigure",
            f"-backend-config=bucket={self.place.state_bucket}",
            f"-backend-config=prefix={self.place.deployment}",
        )

    def apply_secret(self) -> Command:
        """Create the secret alone, so that the key can be put into it."""
        return self._changing("apply", f"-target={KEY_SECRET}")

    def apply(self) -> Command:
        """Create or change everything."""
        return self._changing("apply")

    def plan(self) -> Command:
        """Plan once more; exit status 2 says that something is left to do."""
        return self._planned("plan", "-detailed-exitcode")

    def outputs(self) -> Command:
        """The outputs, as JSON."""
        return Command(("terraform", self._directory, "output", "-json"))

    def left_in_state(self) -> Command:
        """The addresses of all that Terraform has made and not yet removed."""
        return Command(("terraform", self._directory, "state", "list"))

    def destroy(self) -> Command:
        """Remove everything that Terraform made."""
        return self._changing("apply", "-destroy")

    # --- while it runs --------------------------------------------------------------------

    def identity_token(self) -> Command:
        """The token with which the person calls a function."""
        return gcloud("auth", "print-identity-token", is_secret=True)

    def access_token(self) -> Command:
        """The token with which the person calls Google's APIs."""
        return gcloud("auth", "print-access-token", is_secret=True)

    def allow_impersonation(self, account: str, person: str) -> Command:
        """Let a person make tokens of a service account."""
        return self._in_project(
            "iam",
            "service-accounts",
            "add-iam-policy-binding",
            account,
            f"--member={person}",
            "--role=roles/iam.serviceAccountTokenCreator",
        )

    def token_of(self, account: str) -> Command:
        """A token of a service account, as a function of this account gets it."""
        return gcloud(
            "auth",
            "print-access-token",
            f"--impersonate-service-account={account}",
            is_secret=True,
        )

    def supervise_job(self) -> Command:
        """What Scheduler's last call of the supervisor was answered with."""
        return self._in_region(
            "scheduler", "jobs", "describe", f"{self.place.name}-supervise", "--format=json"
        )

    def builds(self) -> Command:
        """The builds of the functions' images, with their times."""
        return self._in_project(
            "builds", "list", f"--region={self.place.region}", "--limit=100", "--format=json"
        )

    # --- tear-down ------------------------------------------------------------------------

    def empty_bucket(self) -> Command:
        """Delete all objects of the documents' bucket, with their earlier versions."""
        return self._in_project(
            "storage", "rm", f"gs://{self.place.documents_bucket}/**", "--all-versions"
        )

    def delete_channel(self, channel: str) -> Command:
        """Delete the notification channel."""
        return self._in_project("beta", "monitoring", "channels", "delete", channel, "--force")

    def delete_state_bucket(self) -> Command:
        """Delete the bucket of Terraform's state with all it holds."""
        return self._in_project("storage", "rm", f"gs://{self.place.state_bucket}", "--recursive")

    # --- parts ----------------------------------------------------------------------------

    def _in_project(self, *words: str) -> Command:
        return gcloud(*words, f"--project={self.place.project}")

    def _in_region(self, *words: str) -> Command:
        return self._in_project(*words, f"--location={self.place.region}")

    @property
    def _directory(self) -> str:
        return f"-chdir={self.place.configuration}"

    def _terraform(self, *words: str) -> Command:
        return Command(("terraform", self._directory, *words, "-no-color"))

    def _planned(self, *words: str) -> Command:
        return self._terraform(
            *words,
            "-input=false",
            f"-lock-timeout={LOCK_TIMEOUT}",
            f"-var-file={self.place.variables_file}",
        )

    def _changing(self, *words: str) -> Command:
        return self._planned(*words, "-auto-approve")
