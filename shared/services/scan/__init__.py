"""The scan of the bucket, page by page, and its memory of pages that did not change.

Imports ``source`` and ``lease``.
"""
