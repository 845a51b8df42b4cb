"""Formats the estimate of a dry run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.fss.report.budget import days_text, limit_text
from shared.domain.figures import amount, roughly, size

SHOWN = 5
"""How many files are named for each kind of change; --json has up to twenty."""


def dry_run_lines(estimate: Mapping[str, Any], samples: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the sync would do and cost, then some files for each kind of change."""
    yield f"  would    {_work(estimate)}"
    yield f"  cost     {_cost(estimate)}"
    yield f"  time     {_time(estimate)}"
    yield f"  storage  {_storage(estimate)}"
    for refusal in estimate["refusals"]:
        yield f"  refused  {refusal}"
    for kind, files in samples.items():
        if files:
            yield ""
            yield kind.replace("_", " ").capitalize()
            yield from _files(files)


def _work(estimate: Mapping[str, Any]) -> str:
    retried = f" ({estimate['retries']} of them failed before)" if estimate["retries"] else ""
    return (
        f"import {estimate['files']} files{retried}, {size(estimate['bytes'])}; "
        f"delete {estimate['removals']} documents"
    )


def _cost(estimate: Mapping[str, Any]) -> str:
    tokens = f"about {estimate['tokens']:,} tokens"
    if estimate["cost"] is None:
        return f"{tokens}; the price of the embedding model is not known{limit_text(estimate)}"
    money = f"{amount(estimate['cost'])} {estimate['currency']}"
    return f"{money} for {tokens} (price of {estimate['price_date']}){limit_text(estimate)}"


def _time(estimate: Mapping[str, Any]) -> str:
    days = days_text(estimate)
    requests = f"{estimate['metered_requests']} metered requests"
    return f"{roughly(estimate['seconds'])} for {requests} at this tier's rate{days}"


def _storage(estimate: Mapping[str, Any]) -> str:
    more, cap = size(estimate["storage_growth"]), size(estimate["storage_cap"])
    if estimate["storage_bytes"] is None:
        return f"about {more} more; how much of the {cap} is in use could not be read"
    used = estimate.get("storage_used", estimate["storage_bytes"])  # an earlier version judged none
    fits = used + estimate["storage_growth"] <= estimate["storage_cap"]
    short = "" if fits else ": not all of it fits"
    by = estimate.get("storage_judged_by")
    judged = f" (by {by})" if by else ""
    return f"about {more} more; {size(used)} of {cap} in use{short}{judged}"


def _files(files: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for file in files[:SHOWN]:
        reason = f": {file['reason']}" if file["reason"] else ""
        yield f"  {file['path']}{reason}"
    if len(files) > SHOWN:
        yield "  ..."
