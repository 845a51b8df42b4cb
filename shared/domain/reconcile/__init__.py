"""Compares the store's listing with the records, and corrects the records.

May import ``source``, ``file``, ``throttle`` and ``scan``, and the modules at the root of the
domain; today it needs only ``file``.
"""
