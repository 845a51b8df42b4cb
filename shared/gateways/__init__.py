"""The edge: ports as Protocols, and for each port an adapter over one of Google's clients.

Services use ``ports`` and the typed records of ``database``. The adapters are in ``database``,
``gemini``, ``cloud_storage`` and ``cloud_tasks``; in-memory twins that pass the same contract tests
are in ``tests/twins``. May import the domain and Google's clients, never ``shared.services``.
"""
