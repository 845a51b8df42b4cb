"""Listings of the store: the comparison with the records, and the search for uncertain imports.

Imports no other room.
"""
