"""The API's routes and the admin routes: from a request to its reply.

Imports any other room.
"""
