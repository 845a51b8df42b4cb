"""Pure rules: values and the current time go in, a decision comes out.

One room per subject: ``source`` (an object of the bucket), ``file`` (its record and lifecycle),
``throttle`` (tiers, breaker, holds), ``scan``, ``estimate``, ``reconcile``, ``batch``,
``deployment`` and ``ask`` (questions to the store). The modules at the root (errors, ids, figures,
page tokens, time scale, strict JSON) may be imported by every room. The rooms are layered as
``source``, then ``file`` and ``throttle``, then ``scan``, then ``estimate`` and ``reconcile``, then
``batch``, then ``ask`` and ``deployment``. A room imports only from earlier layers, never from one
beside it; import-linter checks this.
"""
