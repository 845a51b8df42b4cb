"""The state folder: an index in SQLite, and a file of content for each object.

Imports ``objects`` and ``refusals``.
"""
