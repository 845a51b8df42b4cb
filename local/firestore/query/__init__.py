"""Queries: what they say, what they mean, and their results over documents in memory.

Imports ``values`` only. Nothing here knows where documents are kept or how requests arrive.
"""
