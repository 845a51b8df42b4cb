"""One delivery of one file's task: claim the file, make one step, record the result.

Imports ``source`` and ``throttle``.
"""
