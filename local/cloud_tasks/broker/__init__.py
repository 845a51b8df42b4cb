"""All queues and tasks, kept on disk and dispatched when they are due.

Imports ``settings``, ``delivery``, ``queue`` and ``wire``.
"""
