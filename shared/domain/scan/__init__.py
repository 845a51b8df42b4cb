"""Compares the bucket's listing with the records, and remembers ranges of names that match.

May import ``source``, ``file`` and ``throttle``, and the modules at the root of the domain; today
it needs only ``source`` and ``file``.
"""
