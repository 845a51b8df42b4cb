"""One queue without any I/O: its tasks, limits, rate, retries and faults.

Imports ``wire``.
"""
