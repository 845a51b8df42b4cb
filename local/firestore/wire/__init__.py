"""The API's messages, to and from the values of ``engine`` and ``query``; its resource names.

Imports ``engine``, ``query`` and ``values``.
"""
