"""Pure rules: values and the current time go in, a decision comes out.

One room for each noun: ``source`` (an object of the bucket), ``file`` (its record and lifecycle),
``throttle`` (tiers, breaker, holds), ``scan``, ``reconcile``, ``estimate``, ``batch`` and
``deployment``. At the root lie what every room may use: errors, ids, units and strict JSON. A room
imports only rooms to its left in ``source, file, throttle, scan, estimate, reconcile, batch,
deployment``; import-linter holds that order.
"""
