"""Where documents are kept: in memory, or in SQLite with the entries of the configured indexes.

Imports ``wire`` (for the bytes of documents), ``engine``, ``indexes`` and ``query``.
"""
