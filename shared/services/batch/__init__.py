"""One sync (batch) from start to end, advanced by calls of the supervisor.

May import every package of the services except ``worker``, which Cloud Tasks calls by itself, and
the module ``report``.
"""
