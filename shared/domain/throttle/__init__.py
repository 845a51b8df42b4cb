"""How fast Gemini may be called: tiers, spacing, the daily quota, the circuit breaker and holds.

Imports no other room, only the modules at the root of the domain: throttling depends on the
service, never on a file.
"""
