"""Estimates work in files, requests, time, storage and money, and previews a dry run.

May import ``source``, ``file``, ``throttle`` and ``scan``, and the modules at the root of the
domain; today it needs ``file`` and ``throttle``.
"""
