"""The composition root: builds each function's use cases from its settings, with Google's clients.

The only room that knows both the use cases and the adapters behind their ports. Each function has a
module, so that it loads no other's use cases.
"""
