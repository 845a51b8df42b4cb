"""One run of a sync: its request, its progress, its guards, and the writer's lease it holds.

May import every room except ``deployment``, and the modules at the root of the domain; today it
needs ``estimate`` and ``reconcile``.
"""
