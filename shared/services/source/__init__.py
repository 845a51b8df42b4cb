"""Reads an object of the bucket and says what is wanted of it. Imports no other room."""
