from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.local.cloud_storage.harness import Served


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with closing(Served()) as served:
        yield served
