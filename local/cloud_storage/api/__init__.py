"""The calls of the JSON API and of the admin paths, over HTTP.

Imports ``storage``, ``objects`` and ``refusals``.
"""
