"""An object of the bucket: its media type, its metadata, and whether it can be imported.

Knows neither records nor the store. Imports no other room, only the modules at the root of the
domain.
"""
