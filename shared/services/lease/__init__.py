"""The lease's holder: its acquisition, its fenced commits, changes and the end of its batch.

Imports ``context`` and ``events``, and no other package of the services.
"""
