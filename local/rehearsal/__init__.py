"""The rehearsal: a whole life of a deployment, played step by step, timed, checked and recorded.

``make rehearse`` plays it on the local stack; with a project it plays it on Google Cloud, from
nothing to nothing. ``library`` has the steps that any deployment can play, ``google`` those that
need a project. Imports ``fss``, ``stack`` and what is below them.
"""
