"""Scans the bucket page by page, and remembers pages so that unchanged ones are not read again.

Imports ``lease``, ``source``, ``store`` and ``context``.
"""
