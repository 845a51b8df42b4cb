"""Keeps web pages away from the HTTP servers on this machine.

Any page in a browser may send requests to 127.0.0.1. ``rules`` tells such a request from one of a
program or a person; ``aiohttp_guard`` and ``wsgi_guard`` ask it before a server sees the request.
Imports no other room of ``local``.
"""
