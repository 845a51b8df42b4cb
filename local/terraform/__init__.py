"""Terraform's checks, the page of what the environments differ in, and the indexes of Firestore.

Imports ``packaging``.
"""
