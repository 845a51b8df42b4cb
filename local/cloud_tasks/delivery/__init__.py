"""How one attempt is delivered: its HTTP request, its OIDC token, and the log of deliveries.

Imports ``queue`` and ``wire``.
"""
