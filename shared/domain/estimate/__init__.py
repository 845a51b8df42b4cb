"""What waiting work comes to in files, requests, time, storage and money, and a dry run's preview.

Imports ``file`` and ``throttle``.
"""
