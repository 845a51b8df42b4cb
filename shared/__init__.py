"""The rules, use cases and gateways of the deployed functions."""
