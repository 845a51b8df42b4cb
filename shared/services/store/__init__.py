"""The deployment's store: find or create it, measure it, compare its count, and cut over.

Imports ``lease``, ``throttle``, ``context`` and ``events``.
"""
