"""Formats one file's journey: its state, and its imports with what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local.fss.report.progress_text import attempts, moment
from local.printable import printable_values
from shared.domain.figures import amount, size


def file_lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the state of a file, then its imports, the latest first."""
    answer = printable_values(answer)
    file = answer["files"][0]
    yield f"{file['path']}: {str(file['status']).replace('_', ' ')}"
    if file["size"]:
        yield f"  size     {size(file['size'])}"
    if file["reason"]:
        kind = f" ({file['kind']}, {attempts(file)})" if file["kind"] else ""
        yield f"  reason   {file['reason']}{kind}"
    if file["eligible_at"]:
        yield f"  again    not before {moment(file['eligible_at'])}; or with fss retry"
    if file["document"]:
        since = f", since {moment(file['indexed_at'])}" if file["indexed_at"] else ""
        yield f"  document {file['document']}{since}"
    if file["batch_id"]:
        yield f"  batch    {file['batch_id']}"
    for told in file["metadata_reports"]:
        yield f"  metadata {told}"
    imports = answer["imports"]
    if not imports:
        yield "  imports  none"
        return
    costs = [each["estimated_cost"] for each in imports if each["estimated_cost"] is not None]
    currency = next((each["currency"] for each in imports if each["currency"]), "USD")
    total = f", {amount(sum(costs))} {currency} as estimated" if costs else ""
    yield f"  imports  {len(imports)}{total}; the latest first"
    for each in imports:
        yield f"    {_import(each)}"


def _import(entry: Mapping[str, Any]) -> str:
    parts = [moment(entry["created_at"] or ""), str(entry["state"]).replace("_", " ")]
    if entry["tokens"]:
        parts.append(f"{entry['tokens']} tokens")
    if entry["estimated_cost"]:
        parts.append(f"{amount(entry['estimated_cost'])} {entry['currency']}")
    parts.append(f"batch {entry['batch_id']}")
    if entry["error"]:
        parts.append(str(entry["error"]))
    return "  ".join(part for part in parts if part)
