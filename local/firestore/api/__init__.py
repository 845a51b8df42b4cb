"""The gRPC API and the admin server.

Imports everything but ``server``.
"""
