"""A story: the bucket is changed at random and synced, and the store must match each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from shared.domain.batch.guards import deletion_cap
from tests.model.changes import Changes, Shelf
from tests.model.library import Entry, Library

FIGURES = (
    "scanned",
    "new",
    "changed",
    "metadata_changed",
    "removed",
    "unchanged",
    "skipped",
    "indexed",
    "deleted",
    "failed",
)


class Deployment(Shelf, Protocol):
    """The deployment under test, seen from outside."""

    def sync(self, **request: object) -> Mapping[str, Any]:
        """Run a whole sync; returns its summary."""

    def metered(self) -> int:
        """Metered requests so far, as the service counts them."""

    def imports(self) -> int:
        """Imports that took effect so far."""

    def documents(self) -> list[tuple[str, Entry]]:
        """All documents of the store, each with its path."""


def follow(seed: int, deployment: Deployment, *, steps: int, files: int) -> Counter[str]:
    """Play a story of ``steps`` steps; returns the sum of the figures of its syncs."""
    library = Library()
    changes = Changes(seed, library, deployment, files)
    changes.fill(changes.chance.randrange(files))
    totals: Counter[str] = Counter()
    for step in range(steps):
        if step:
            changes.some()
        if step and changes.chance.random() < 0.1:
            totals += _sync(f"seed {seed}, step {step}, part", deployment, library, "a/")
        totals += _sync(f"seed {seed}, step {step}", deployment, library, "", mode=_mode(changes))
    return totals


def _mode(changes: Changes) -> str:
    return changes.chance.choice(("incremental",) * 4 + ("full",))


def _sync(
    where: str, deployment: Deployment, library: Library, prefix: str, **request: object
) -> Counter[str]:
    expected = library.expected(prefix)
    library_size = len([entry for entry in library.entries.values() if entry.is_document])
    if expected["deleted"] > deletion_cap(library_size, None):
        request["max_deletes"] = expected["deleted"]
    metered, imports = deployment.metered(), deployment.imports()

    summary = deployment.sync(prefix=prefix, **request)

    library.synced(prefix)
    assert summary["status"] == "completed", f"{where}: {summary}"
    figures = {name: summary[name] for name in FIGURES}
    wanted = {name: expected.get(name, 0) for name in FIGURES}
    assert figures == wanted, f"{where}: {figures} instead of {wanted}"
    imported = expected["indexed"]
    assert deployment.imports() - imports == imported, where
    assert deployment.metered() - metered == 2 * imported, where
    assert summary["requests"]["metered"] == 2 * imported, where

    held = [(path, each) for path, each in deployment.documents() if path.startswith(prefix)]
    assert len(dict(held)) == len(held), f"{where}: a path has two documents"
    assert dict(held) == library.documents(prefix), where
    return Counter(figures)
