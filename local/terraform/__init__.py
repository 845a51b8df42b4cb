"""Terraform's own checks of the configuration, and the page of what the environments differ in.

Imports ``packaging``.
"""
