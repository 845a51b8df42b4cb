"""The database: typed records, all queries for them, and the Firestore adapter.

Services use ``records``, ``queries`` and ``codec``, which know no client. Only ``firestore``
imports Google's client. May import the domain and ``ports``.
"""
