"""Child processes that end with the run that started them, and the ports they listen on.

Imports no other room of ``local``.
"""
