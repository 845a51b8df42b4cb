"""Which seeds find a broken variant: ``python -m tests.simulation --variants``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import Pool
from unittest import mock

from tests.simulation import broken_guards, broken_surroundings, broken_variants
from tests.simulation.broken_variants import Mutation
from tests.simulation.checks.violation import Violation
from tests.simulation.simulation import Simulation

MUTATIONS = {
    mutation.name: mutation
    for mutation in (
        *broken_variants.MUTATIONS,
        *broken_guards.MUTATIONS,
        *broken_surroundings.MUTATIONS,
    )
}
"""All variants, by name."""


@contextmanager
def broken(mutation: Mutation) -> Iterator[None]:
    """Run the block with the variant in place of the code."""
    patches = [mock.patch.object(*place, new) for place, new in mutation.patches.items()]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in reversed(patches):
            patch.stop()


def finds(seed: int, mutation: Mutation) -> bool:
    """Whether the seed breaks one of the promises that the variant must break."""
    try:
        with broken(mutation):
            Simulation(seed).run()
    except Violation as violation:
        return violation.invariant in mutation.invariants
    return False


def first_seed(name: str, seeds: Iterable[int], processes: int) -> int | None:
    """A seed that finds the variant, or None if none of these does."""
    with Pool(processes) as pool:
        tries = ((seed, name) for seed in seeds)
        for seed, found in pool.imap(_try, tries, chunksize=4):
            if found:
                return seed
    return None


def _try(given: tuple[int, str]) -> tuple[int, bool]:
    seed, name = given
    return seed, finds(seed, MUTATIONS[name])
