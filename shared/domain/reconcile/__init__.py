"""The store's listing against the records: what differs, and the record that mends it.

Imports ``file``.
"""
