"""Fixtures of the tests of the fss command."""

from __future__ import annotations

from tests.local.fss.played import played

__all__ = ["played"]
