"""Google's own Firestore emulator: found or fetched, started, and its documents saved.

Imports no other room of ``local``.
"""
