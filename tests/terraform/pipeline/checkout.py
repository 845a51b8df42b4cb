"""A checkout as the plan's build leaves it, and the environment of the builds' steps."""

from __future__ import annotations

import json
from pathlib import Path

from tests.terraform.pipeline.services import PLANS, TOPIC

FIRST, SECOND, THIRD, ELSEWHERE = (digit * 40 for digit in "123e")
"""Commits, each after the one before; the last one is on another branch."""

TEXT = (
    "Terraform will perform the following actions:\n\nPlan: 1 to add, 2 to change, 0 to destroy.\n"
)


def planned(folder: Path, *ancestors: str, applyable: bool = True, plan: bytes = b"plan") -> Path:
    """The first of the ancestors is the commit itself."""
    (folder / "terraform" / ".terraform").mkdir(parents=True)
    (folder / "terraform" / "main.tf").write_text("# the configuration")
    (folder / "terraform" / ".terraform.lock.hcl").write_text("# the provider's version")
    (folder / "terraform" / ".terraform" / "provider").write_text("large")
    for path in ("shared/tiers.json", "build/upload.zip"):
        (folder / path).parent.mkdir()
        (folder / path).write_text(path)
    (folder / "plan.tfplan").write_bytes(plan)
    (folder / "plan.txt").write_text(TEXT)
    (folder / "plan.json").write_text(json.dumps({"applyable": applyable}))
    (folder / "ancestors").write_text("\n".join(ancestors))
    return folder


def of_the_plan(commit: str, build: str = "b-1") -> dict[str, str]:
    return {"COMMIT": commit, "BUILD": build, "PLANS_BUCKET": PLANS, "TOPIC": TOPIC}


def of_the_apply(message: dict[str, str], build: str = "b-2") -> dict[str, str]:
    return {"BUILD": build, "PLANS_BUCKET": PLANS} | {
        name.upper(): value for name, value in message.items()
    }
