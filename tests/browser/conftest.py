from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import chromium
from tests.npm_packages import node_modules


@pytest.fixture(scope="session")
def browser() -> str:
    return chromium()


@pytest.fixture(scope="session")
def axe() -> str:
    return (node_modules(Path(__file__).with_name("axe")) / "axe-core" / "axe.min.js").read_text()
