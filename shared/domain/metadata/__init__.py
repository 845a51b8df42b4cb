"""The searchable metadata of a document: from its path, its object and its sidecar.

Knows neither records nor the store. Imports ``source`` and the modules at the root of the domain.
"""
