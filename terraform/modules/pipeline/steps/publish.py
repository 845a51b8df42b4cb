"""Last step of the plan's build: stores the plan, and publishes which one to approve."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from steps import bundle
from steps.google_api import Google, Refused
from steps.lineage import last_applied, refuse_older


def publish(google: Google, environment: Mapping[str, str], folder: Path) -> str:
    """Store and publish the plan in `folder`; return what to print.

    Raises:
        Refused: The commit doesn't follow the last applied one, or a service refuses a call.
    """
    commit, bucket = environment["COMMIT"], environment["PLANS_BUCKET"]
    ancestors = (folder / bundle.ANCESTORS).read_text().split()
    if ancestors[:1] != [commit]:
        raise Refused(f"the build is of {commit}, but the checkout is of {ancestors[:1]}")
    (folder / bundle.COMMIT_FILE).write_text(commit)
    refuse_older(commit, ancestors, last_applied(google, bucket))
    if not json.loads((folder / "plan.json").read_text())["applyable"]:
        return "Nothing to apply."

    text = (folder / bundle.TEXT).read_bytes()
    content = bundle.pack(folder)
    name = bundle.name_of(commit, environment["BUILD"])
    google.write(bucket, bundle.text_beside(name), text, replacing=0)
    generation = google.write(bucket, name, content, replacing=0)
    message = {
        "commit": commit,
        "object": name,
        "generation": str(generation),
        "sha256": hashlib.sha256(content).hexdigest(),
        "summary": bundle.summary_of(text.decode()),
        "text": bundle.address_of(bucket, bundle.text_beside(name)),
    }
    google.publish(environment["TOPIC"], message)
    return "\n".join(["To approve:", *(f"  {key}: {value}" for key, value in message.items())])


if __name__ == "__main__":
    try:
        print(publish(Google(), os.environ, Path.cwd()))
    except (Refused, OSError) as error:
        sys.exit(str(error))
