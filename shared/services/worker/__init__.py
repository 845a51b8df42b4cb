"""Handles one delivery of a file's task: claim the file, do one step, record the result.

Imports ``source``, ``throttle``, ``context`` and ``events``.
"""
