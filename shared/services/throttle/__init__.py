"""The gate that admits calls of Gemini and records their results; the pump that plans their slots.

Imports ``source``, ``context`` and ``events``, and no other package of the services.
"""
