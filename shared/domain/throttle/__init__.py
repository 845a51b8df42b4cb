"""How fast Gemini may be called: tiers, spacing, the daily quota, the circuit breaker and holds.

Imports no other room: throttling is about the service, never about a file.
"""
