from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.servers import local_server
from tests.terraform.pipeline.services import Services, services


@pytest.fixture(scope="session")
def storage_url() -> Iterator[str]:
    with local_server("local.cloud_storage") as ready:
        yield ready["url"]


@pytest.fixture
def played(storage_url: str) -> Iterator[Services]:
    with services(storage_url) as played:
        yield played
