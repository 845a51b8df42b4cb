"""Looks after all files that wait for Gemini: the poller, and what a look at one file decides.

Imports ``worker``, ``throttle``, ``context`` and ``events``.
"""
