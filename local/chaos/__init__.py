"""Syncs on a stack whose functions are killed and whose calls fail, and what must hold afterwards.

Imports ``fss``, ``stack`` and ``processes``; only tests import it.
"""
