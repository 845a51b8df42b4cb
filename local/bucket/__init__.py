"""The Cloud Storage server of a run, and a folder mirrored into one of its buckets.

Imports ``packaging``, ``processes`` and ``printable``.
"""
