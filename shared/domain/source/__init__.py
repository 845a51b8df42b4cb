"""What an object of the bucket is: its type, its metadata, and whether it can be imported.

Nothing here knows of records or of the store. Imports no other room.
"""
