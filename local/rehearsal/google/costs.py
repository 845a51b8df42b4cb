"""What a rehearsal costs in a project: estimated before, counted after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from local.packaging import FUNCTIONS
from local.rehearsal.library.syncs import LIBRARY
from local.rehearsal.library.versions import files_for
from local.rehearsal.step import Cost
from shared.domain.estimate.prices import load_prices
from shared.domain.throttle.tiers import Tier

AS_OF = "2026-10"
"""When the list prices below were read; free tiers are not taken off."""

BUILD_MINUTE = 0.006
"""USD, the default machine of Cloud Build: https://cloud.google.com/build/pricing"""

FUNCTION_SECOND = 0.0000265
"""USD, 1 vCPU and 1 GiB: https://cloud.google.com/run/pricing"""

FIRESTORE_FILE = 0.00003
"""USD for each file, as in docs/deploy.md."""

OTHER = 0.05
"""USD for an hour or two of alerts, logs, images, queues and one question; rounded up."""

DEPLOYS = 3
"""Times that all functions are built: first, rolled back, and upgraded again."""

BUILD_MINUTES = 3.0
"""Assumed minutes of one build."""

FILE_SECONDS = 2.5
"""Seconds of a function for each file, as in docs/deploy.md."""

_BYTES_PER_TOKEN = 4


def estimated(tier: Tier, swap_seconds: float) -> Iterator[Cost]:
    """Yield what a rehearsal is expected to cost.

    Args:
        tier: The quota tier; the faster it is, the more files it takes to keep a sync busy.
        swap_seconds: How long a deployment of other code takes.
    """
    library = [path for path in LIBRARY.rglob("*") if path.is_file()]
    pages = 2 * files_for(tier, swap_seconds)
    files = len(library) + pages
    tokens = sum(path.stat().st_size for path in library) // _BYTES_PER_TOKEN + pages * 25
    prices = load_prices()
    price = prices.price_of(prices.default_model)
    builds = DEPLOYS * len(FUNCTIONS)
    minutes = builds * BUILD_MINUTES
    yield Cost("Cloud Build", f"{builds} builds of {BUILD_MINUTES:.0f} min", minutes * BUILD_MINUTE)
    yield Cost(
        "Functions",
        f"{files} files of {FILE_SECONDS:g} s",
        files * FILE_SECONDS * FUNCTION_SECOND,
    )
    yield Cost("Firestore", f"{files} files", files * FIRESTORE_FILE)
    yield Cost("Gemini embeddings", f"{tokens:,} tokens", price.cost(tokens) if price else 0.0)
    yield Cost("Alerts, logs, images, a question", "two hours", OTHER)


def counted_builds(listed: str) -> Cost:
    """Return what the builds of `gcloud builds list --format=json` cost."""
    minutes = 0.0
    builds = json.loads(listed or "[]")
    for build in builds:
        began, ended = build.get("startTime"), build.get("finishTime")
        if began and ended:
            minutes += (_time(ended) - _time(began)).total_seconds() / 60
    return Cost("Cloud Build", f"{len(builds)} builds, {minutes:.1f} min", minutes * BUILD_MINUTE)


def _time(text: str) -> datetime:
    """Return a time of RFC 3339, whose fraction may have nine digits."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6].ljust(6, '0')}+00:00")
