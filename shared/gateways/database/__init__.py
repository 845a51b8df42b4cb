"""Firestore: typed records, the queries made of them, and the adapter.

``records``, ``queries`` and ``codec`` know no client, and services use them; ``firestore`` is the
only module here that imports Google's.
"""
