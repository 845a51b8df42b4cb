"""One file: its record, the legal changes of the record, and the import ledger's entry.

``record`` defines what is stored; ``lifecycle`` the legal moves and the next step; ``attempt`` the
moves of upload and import; ``outcomes`` how the processing begins and ends; ``known_documents``
which documents of the store belong to the file; ``keeping`` what a reason to skip may cost. May
import ``source`` and the modules at the root of the domain.
"""
