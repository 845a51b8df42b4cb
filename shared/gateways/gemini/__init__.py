"""Gemini's Files API and File Search stores: the adapter, its messages and its errors."""
