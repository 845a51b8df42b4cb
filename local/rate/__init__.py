"""Measures in real time whether a stack uses its request rate fully and never exceeds it.

Imports ``fss``, ``stack`` and ``processes``; nothing imports it.
"""
