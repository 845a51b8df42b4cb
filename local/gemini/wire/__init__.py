"""How the API writes things: JSON messages, errors, names, routes, MIME types and metadata.

Imports no other room.
"""
