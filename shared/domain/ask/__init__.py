"""A question to the store: what may be asked, what an answer may cost, and what it may cite.

Imports ``estimate``, ``metadata``, ``throttle`` and the modules at the root of the domain.
"""
