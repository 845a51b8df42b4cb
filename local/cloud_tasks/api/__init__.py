"""What clients and people call: the gRPC service and the admin HTTP server.

Imports any other room.
"""
