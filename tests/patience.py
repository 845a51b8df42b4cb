"""How long a test waits for something to come true before it counts as never coming."""

from __future__ import annotations

PATIENCE = 300.0
"""Seconds. No test is about how fast a machine is: a busy one may take many times as long."""
