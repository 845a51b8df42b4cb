"""A whole deployment on this machine: its parts, its options, its addresses and its run folder.

Imports ``bucket``, ``firestore_emulator``, ``gemini``, ``cloud_tasks``, ``terraform`` (for the
indexes), ``processes`` and ``packaging``, and the deployed code's domain and ports.
"""
