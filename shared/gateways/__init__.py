"""The edge: ports as Protocols, and an adapter to one Google client for each.

``ports`` is what services see; ``database``, ``gemini``, ``cloud_storage`` and ``cloud_tasks`` are
the adapters. The in-memory twins that pass the same contract tests are in ``tests/twins``.
"""
