"""Use cases: each talks to ports only and leaves every rule to ``shared.domain``.

One room for each noun. ``batch`` starts, supervises and ends a sync, and ``worker`` takes one file
one step further; both stand on the rooms to the left in ``source, lease, throttle, store, scan,
reconcile, worker, batch``, of which each may import those to its left. At the root lie the ports'
bundle (``context``), the log events (``events``) and what people are told (``report``).
"""
