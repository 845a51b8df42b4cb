"""The API's protobuf messages, its resource names, and refusals with their status codes.

Imports no other room.
"""
