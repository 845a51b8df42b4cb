"""Lists the store: to make the records agree with it, and to settle uncertain imports.

Imports ``context``, and no other package of the services.
"""
