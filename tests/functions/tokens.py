"""Identity tokens as Cloud Run passes them on: checked, and without their signature."""

from __future__ import annotations

import base64
import json

SIGNATURE = "SIGNATURE_REMOVED_BY_GOOGLE"

ACCOUNTS = {
    "SCHEDULER_SERVICE_ACCOUNT": "scheduler@p.iam.gserviceaccount.com",
    "TASKS_SERVICE_ACCOUNT": "tasks@p.iam.gserviceaccount.com",
    "EVENTS_SERVICE_ACCOUNT": "events@p.iam.gserviceaccount.com",
    "CALLER_SERVICE_ACCOUNTS": "ci@p.iam.gserviceaccount.com,deployer@p.iam.gserviceaccount.com",
}
"""The settings that name the callers of a deployment."""

SCHEDULER, TASKS, EVENTS = [*ACCOUNTS.values()][:3]
CI = "ci@p.iam.gserviceaccount.com"
PERSON = "ann@example.com"
STRANGER = "stranger@p.iam.gserviceaccount.com"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token(email: object, *, verified: object = True, **claims: object) -> str:
    """A token with this address."""
    head = part({"alg": "RS256", "kid": "1", "typ": "JWT"})
    body = {"iss": "https://accounts.google.com", "email": email, "email_verified": verified}
    return f"{head}.{part({**body, **claims})}.{SIGNATURE}"


def bearer(email: object) -> str:
    return f"Bearer {token(email)}"
