"""Batches as a deployment's status function shows them."""

from __future__ import annotations

from typing import Any


def batch(**changes: Any) -> dict[str, Any]:
    """A running batch, with changes."""
    counts = dict.fromkeys(("scanned", "new", "changed", "metadata_changed", "removed"), 0)
    counts |= dict.fromkeys(
        ("unchanged", "skipped", "young", "indexed", "deleted", "failed", "unreadable"), 0
    )
    return {
        **counts,
        "batch_id": "b1",
        "status": "running",
        "drift": 0,
        "reconciliation": None,
        "mode": "incremental",
        "trigger": "http",
        "phase": "working",
        "progress": {
            "total": 48,
            "done": 12,
            "waiting": 33,
            "in_progress": 3,
            "indexed_per_minute": 8.5,
            "eta_seconds": 254,
        },
        "requests": {"metered": 24, "throttled": 1, "unmetered": 90},
        "breaker": {"state": "closed"},
        "hold": None,
        "message": "",
        "started_at": None,
        "completed_at": None,
        "duration_seconds": None,
        "estimated_cost": 0.0,
        "rate": {"used": None, "preset": 20},
        "left": None,
        "skips": [],
        "failures": [],
        **changes,
    }
