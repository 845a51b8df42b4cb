"""Formats what a sync has cost, and what the deployment's limits leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.domain.figures import amount


def cost_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the sync's imports cost, then the limits and what they leave, if there are any."""
    budget, cost = summary.get("budget"), summary.get("estimated_cost")
    currency = budget["currency"] if budget else "USD"
    if cost:
        again = summary["metadata_changed_cost"]
        of_it = f"; {amount(again)} for changes of metadata alone" if again else ""
        yield f"  cost     {amount(cost)} {currency}, as estimated{of_it}"
    if budget is None or not (budget["files"] or cost):
        return
    limits = []
    if budget["limit"] is not None:
        limits.append(f"{amount(budget['spent'])} of {amount(budget['limit'])} {currency} today")
    if budget["max_imports"] is not None:
        limits.append(f"{budget['imports']} of {budget['max_imports']} imports of this sync")
    yield f"  budget   {', '.join(limits)}{_left(budget)}"


def days_text(estimate: Mapping[str, Any]) -> str:
    """The quota days and syncs over which a dry run's work is spread; empty for one of each."""
    days = max(estimate["days"], estimate.get("budget_days", 1))
    spread = [f"{days} days"] if days > 1 else []
    if estimate.get("syncs", 1) > 1:
        spread.append(f"{estimate['syncs']} syncs")
    return f", spread over {' and '.join(spread)}" if spread else ""


def limit_text(estimate: Mapping[str, Any]) -> str:
    """The limit of a day's cost, and the share of metadata, for the estimate's cost; or empty."""
    currency = estimate["currency"]
    text = ""
    if count := estimate.get("metadata_changed_files"):
        cost = estimate["metadata_changed_cost"]
        files = "1 file" if count == 1 else f"{count} files"
        price = "" if cost is None else f"{amount(cost)} {currency} of it "
        text += f"; {price}for {files} whose metadata alone changed"
    if (limit := estimate.get("cost_per_day")) is not None:
        left = amount(estimate["cost_left_today"])
        text += f"; {left} of {amount(limit)} {currency} a day are left today"
    return text


def _left(budget: Mapping[str, Any]) -> str:
    if not budget["files"]:
        return ""
    cost = "" if budget["cost"] is None else f" for {amount(budget['cost'])} {budget['currency']}"
    alone = f", {budget['alone']} alone on a day" if budget["alone"] else ""
    return f"; {budget['files']} files{cost} are left{alone}"
