"""Cloud Storage: listings, and streams of one exact generation of an object.

May import the domain, ``google_errors`` and the Cloud Storage client.
"""
