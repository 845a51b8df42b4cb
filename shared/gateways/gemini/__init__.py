"""Gemini's Files API and File Search stores: the adapter, its messages and its errors.

May import the domain, ``ports``, ``cloud_storage`` (for ``SourceStream``) and google-genai.
"""
