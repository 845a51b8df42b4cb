"""Child processes that end with the run that started them, and the ports they listen on.

A run can have its Python modules forked from a process that has imported what they need.

Imports no other room of ``local``.
"""
