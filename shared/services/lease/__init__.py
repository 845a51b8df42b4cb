"""Writes that only the lease's holder may make: fenced commits, changes and the end of its batch.

Imports ``context`` and ``events``, and no other package of the services.
"""
