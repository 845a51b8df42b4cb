"""One file: its record, the moves its record may make, and the import ledger's entry.

``record`` says what is stored; ``lifecycle`` which move is legal and what comes next; ``transfer``
the way through upload and import; ``outcomes`` how that way begins and ends; ``known_documents``
which documents of the store belong to the file. Imports ``source``.
"""
