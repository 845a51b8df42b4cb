"""One sync run: what was asked of it, how far it is, its guards, and the writer's lease it holds.

Imports ``file``, ``estimate`` and ``reconcile``.
"""
