"""The values of fields: their types, their order, their size, and bytes that sort as they do.

Imports no other room.
"""
