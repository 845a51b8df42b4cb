"""An object of the bucket: its name, its content, and whether it can be imported.

Knows neither records nor the store. Imports no other room, only the modules at the root of the
domain.
"""
