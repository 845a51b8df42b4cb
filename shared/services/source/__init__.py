"""Reads objects of the bucket and decides what is to be indexed of them.

Imports ``context``, and no other package of the services.
"""
