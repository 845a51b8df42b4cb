"""Terraform's outputs."""

from __future__ import annotations

import json
from typing import Any

from local.rehearsal.step import StepFailed

NEEDED = ("dispatcher_url", "status_url")
"""The outputs that the rehearsal reads; a test compares them with terraform/outputs.tf."""

OPTIONAL = ("ask_url",)
"""Outputs that are read if they are there: of functions that not every deployment has."""


def outputs_of(text: str) -> dict[str, Any]:
    """Return the needed values of ``terraform output -json``. Raises `StepFailed` without them."""
    outputs = json.loads(text)
    missing = [name for name in NEEDED if not outputs.get(name, {}).get("value")]
    if missing:
        raise StepFailed(f"terraform has no output {', '.join(missing)}")
    found = {name: outputs.get(name, {}).get("value") for name in (*NEEDED, *OPTIONAL)}
    return {name: value for name, value in found.items() if value}
