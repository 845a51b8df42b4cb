"""One deployment: its settings as rules, and the record of what its database belongs to.

The top of the domain: imports any other room.
"""
