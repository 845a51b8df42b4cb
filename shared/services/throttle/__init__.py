"""The gate that every call of Gemini is judged by, and the pump that plans metered calls.

Imports no other room.
"""
