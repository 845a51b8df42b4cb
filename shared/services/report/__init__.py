"""What the status function answers about batches, files, the store and the breaker, JSON-ready.

Reads records and never writes. Imports no other room of the services.
"""
