"""Steps that any deployment can play: sync the sample library, change it, ask, change versions.

Imports ``step`` and ``questions``, and the ``fss`` command's client; not ``google``.
"""
