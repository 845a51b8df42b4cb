"""What the command shows of a batch: its progress, its summary, a dry run, and earlier batches.

Imports ``fss.deployment`` and ``printable``.
"""
