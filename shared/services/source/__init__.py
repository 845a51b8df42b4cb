"""Reads objects of the bucket and decides what is to be indexed of them.

``inspection`` compares settings, names and first bytes; ``unreadable`` finds objects whose read is
refused; ``stream`` converts text as it is read.

Imports ``context``, and no other package of the services.
"""
