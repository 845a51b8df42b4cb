"""What the local gRPC servers have in common: listening, a ready line, an admin server, faults.

Imports ``web_guard``.
"""
