"""The bucket's listing against the records: what changed, and which ranges need no second look.

Imports ``source`` and ``file``.
"""
