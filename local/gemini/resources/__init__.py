"""Files, stores, documents, uploads and operations, and the database that keeps them.

Imports ``traffic``, ``wire``, ``settings`` and ``clock``.
"""
