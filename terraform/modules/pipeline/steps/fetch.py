"""First step of the apply's build: gets exactly the plan that was approved.

The approver has seen what the message says, and whoever may publish can write one. So all of it is
checked against what is stored.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from steps import bundle
from steps.google_api import Google, Refused
from steps.lineage import COMMIT, last_applied, refuse_older

PLANNED = "planned"
"""Folder of what the bundle holds; beside the steps' own files it could replace them."""

APPROVED_TEXT = "approved.txt"
RECORD_GENERATION = "record-generation"

PATTERNS = {
    "COMMIT": COMMIT,
    "OBJECT": bundle.NAME,
    "GENERATION": re.compile(r"[1-9][0-9]{0,19}"),
    "SHA256": re.compile(r"[0-9a-f]{64}"),
}


def fetch(google: Google, environment: Mapping[str, str], folder: Path) -> str:
    """Unpack the approved plan, and write the text that the approver could read beside it.

    Raises:
        Refused: Anything differs from what was approved, or the commit is older than the last
            applied one.
    """
    for name, pattern in PATTERNS.items():
        if not pattern.fullmatch(environment[name]):
            raise Refused(f"the message has no valid {name.lower()}: {environment[name]!r}")
    bucket, name, commit = (environment[key] for key in ("PLANS_BUCKET", "OBJECT", "COMMIT"))
    text_name = bundle.text_beside(name)
    if environment["TEXT"] != bundle.address_of(bucket, text_name):
        raise Refused(f"the approver was shown {environment['TEXT']}, not this plan's text")

    stored = google.read(bucket, name, int(environment["GENERATION"]))
    text = google.read(bucket, text_name)
    if stored is None or text is None:
        raise Refused(f"gs://{bucket}/{name} is gone in this generation: plan again")
    if hashlib.sha256(stored.content).hexdigest() != environment["SHA256"]:
        raise Refused(f"gs://{bucket}/{name} isn't what was approved: its sha256 differs")
    if environment["SUMMARY"] != bundle.summary_of(text.content.decode()):
        raise Refused("the approver was shown another summary than the text has")

    planned = folder / PLANNED
    bundle.unpack(stored.content, planned)
    if (planned / bundle.COMMIT_FILE).read_text() != commit or f"/{commit}/" not in name:
        raise Refused(f"the plan isn't one of {commit}")
    applied = last_applied(google, bucket)
    refuse_older(commit, (planned / bundle.ANCESTORS).read_text().split(), applied)
    (folder / APPROVED_TEXT).write_bytes(text.content)
    (folder / RECORD_GENERATION).write_text(str(applied.generation))
    return f"{name}, generation {stored.generation}, of {commit}: {environment['SUMMARY']}"


if __name__ == "__main__":
    try:
        print(fetch(Google(), os.environ, Path.cwd()))
    except (Refused, OSError) as error:
        sys.exit(str(error))
