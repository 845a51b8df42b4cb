"""The page of a deployment on a port of this machine, for the person who started it and no other.

Imports ``processes`` and ``web_guard``.
"""
