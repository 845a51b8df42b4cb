"""A deployment as its HTTP functions show it, and the exit codes that its answers lead to.

Imports ``printable``.
"""
