"""What may happen to any request: it is metered, refused or made to fail, and logged.

Imports ``wire`` and ``clock``.
"""
