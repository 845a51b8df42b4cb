"""What a database does, in process, over any ``Backend``.

Writes with preconditions, masks and transforms; reads, also of the past; queries; transactions;
expiry.

Imports ``indexes``, ``query`` and ``values``.
"""
