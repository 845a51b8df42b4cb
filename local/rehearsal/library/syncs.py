"""Copies the sample library into the bucket, changes it, and syncs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.bucket.folder_mirror import Mirrored, mirror
from local.bucket.folder_survey import survey
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Failure
from local.fss.report.progress_text import describe
from local.fss.report.summary import complete_summary, summary_text
from local.fss.sync import watch
from local.packaging import ROOT
from local.rehearsal.library.deployed import Deployed
from local.rehearsal.step import Findings, StepFailed
from shared.domain.metadata.metadata import DEFAULT_EXPECTED_FIELDS

LIBRARY = ROOT / "samples" / "library"

SETTINGS = {
    "PATH_TEMPLATE": "{category}/{course}/{year:int}/week-{week:int} {title}",
    "EXPECTED_FIELDS": ",".join(DEFAULT_EXPECTED_FIELDS),
}
"""Settings with which the library's metadata is read."""

CHANGED = "crafts/Sail mending.rst"
ADDED = "crafts/Rope care.md"
REMOVED = "humanities/history/2024/week-12 La ligue hanséatique.html"
RETAGGED = "natural-science/chemistry/2025/week-7 Kinetics.md"

_DONE = ("completed", "completed_with_failures")


class Library:
    """A copy of the sample library in a folder, which the rehearsal changes.

    Args:
        deployed: The deployment that syncs it.
        folder: The copy; made by `upload`.
    """

    def __init__(self, deployed: Deployed, folder: Path) -> None:
        self._deployed = deployed
        self.folder = folder

    def upload(self, findings: Findings) -> None:
        """Copy the library, and put it into the bucket."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(LIBRARY, self.folder)
        copied = self.put()
        files = copied.uploaded + copied.unchanged
        findings.check("the bucket holds the library's files", files > 0, f"{files} objects")

    def put(self) -> Mirrored:
        """Make the bucket hold exactly the folder's files."""
        with self._deployed.bucket() as bucket:
            return mirror(survey(self.folder).files, bucket)

    def first_sync(self, findings: Findings) -> None:
        """Sync the library; everything is new."""
        summary = synced(self._deployed, findings)
        findings.check(
            "every file that can be imported is indexed",
            bool(summary["indexed"]) or findings.is_again,
            f"{summary['indexed']} indexed, {summary['skipped']} skipped",
        )
        if not findings.is_again:
            expect(findings, summary, new=summary["scanned"] - summary["skipped"])

    def sync_changes(self, findings: Findings) -> None:
        """Give one file new content, one new metadata, add one, remove one, and sync."""
        if not findings.is_again:
            self._edit(findings)
        self.put()
        summary = synced(self._deployed, findings)
        if not findings.is_again:
            expect(findings, summary, new=1, changed=1, removed=1, metadata_changed=1)

    def sync_unchanged(self, findings: Findings) -> None:
        """Sync again: nothing is to be done."""
        summary = synced(self._deployed, findings)
        metered = summary["requests"]["metered"]
        findings.check("no metered request was made", metered == 0, metered or "")

    def _edit(self, findings: Findings) -> None:
        with (self.folder / CHANGED).open("a", encoding="utf-8") as changed:
            changed.write("\nA sail mended in time lasts another winter.\n")
        (self.folder / ADDED).write_text("# Rope care\n\nRinse the salt out.\n", encoding="utf-8")
        (self.folder / REMOVED).unlink()
        sidecar = self.folder / f"{RETAGGED}.meta.json"
        metadata = json.loads(sidecar.read_text(encoding="utf-8"))
        sidecar.write_text(json.dumps({**metadata, "difficulty": "advanced"}), encoding="utf-8")
        findings.say(f"new content   {CHANGED}\nnew metadata  {RETAGGED}")
        findings.say(f"added         {ADDED}\nremoved       {REMOVED}")


def begin(client: Deployment, deployed: Deployed, findings: Findings, **request: object) -> str:
    """Start a sync, after one that is running, and return its id."""
    try:
        return str(client.start(request)["batch_id"])
    except Failure as refused:
        running = refused.details.get("batch_id")
        if not isinstance(running, str):
            raise
        findings.say(f"Batch {running} is running; it is awaited first.")
        watch(client, running, deployed.display, deployed.check, slowest=deployed.look_every)
    return str(client.start(request)["batch_id"])


def end(
    client: Deployment, deployed: Deployed, findings: Findings, batch_id: str
) -> dict[str, Any]:
    """Wait for a sync to end, print its summary, and return it."""
    slowest = deployed.look_every
    batch = watch(client, batch_id, deployed.display, deployed.check, slowest=slowest)
    summary = complete_summary(client, batch)
    findings.say(summary_text({**summary, "skips": ()}, message=batch.get("message", "")))
    skipped = {each["path"]: each["reason"] for each in summary["skips"]}
    findings.keep(skipped={**findings.memory.get("skipped", {}), **skipped})
    cost = summary.get("estimated_cost")
    if cost and deployed.is_paid:
        findings.cost("embeddings, as estimated", f"{summary['indexed']} files", cost)
    return summary


def synced(deployed: Deployed, findings: Findings, **request: object) -> dict[str, Any]:
    """Sync, and return the summary.

    Raises:
        StepFailed: The sync did not end well.
    """
    client = deployed.client()
    summary = end(client, deployed, findings, begin(client, deployed, findings, **request))
    if summary["status"] not in _DONE:
        raise StepFailed(f"the sync ended as {summary['status']}: {describe_end(client, summary)}")
    findings.check("no file failed", summary["failed"] == 0, summary["failed"] or "")
    return summary


def describe_end(client: Deployment, summary: Mapping[str, Any]) -> str:
    """Return what the deployment says about a batch that ended."""
    return describe(client.batch(summary["batch_id"]))


def expect(findings: Findings, summary: Mapping[str, Any], **found: int) -> None:
    """Check what a sync found, and that each import took two metered requests."""
    expected, actual = (
        ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in found)
        for counts in (found, summary)
    )
    is_right = expected == actual
    findings.check(f"the sync found {expected}", is_right, "" if is_right else f"but {actual}")
    imports = sum(found.get(name, 0) for name in ("new", "changed", "metadata_changed"))
    requests = summary["requests"]
    findings.check(
        "two metered requests for each import",
        requests["metered"] - requests["throttled"] == 2 * imports,
        f"{requests['metered']} metered, {requests['throttled']} throttled, {imports} imports",
    )
