"""The `fss` command: a whole deployment on this machine, and a remote control for any deployment.

Imports ``stack`` and the rooms below it; ``deployment`` and ``report`` hold what needs no stack.
"""
