"""A Cloud Storage server on this machine, and a folder mirrored into one of its buckets.

Imports ``processes`` and ``printable``.
"""
