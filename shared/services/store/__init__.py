"""The deployment's store: finding it, its size, its count beside the records', and moving away.

Imports ``lease`` and ``throttle``.
"""
