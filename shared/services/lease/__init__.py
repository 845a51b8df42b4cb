"""Writes that only the lease's holder may make: fenced commits, and the end of a batch.

Imports no other room.
"""
