"""Indexes: which there are, which a query needs, and which part of one it reads.

Pure rules over ``query`` and ``values``; imports nothing else.
"""
