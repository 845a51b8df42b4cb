"""One sync from start to end, moved on by the supervisor's calls.

The top of the services: imports any other room.
"""
