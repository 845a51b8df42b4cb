"""The use cases. They call ports only; every rule is in ``shared.domain``.

Each package may import those further down, never one of its own line; import-linter checks it:

- ``batch`` starts, supervises and ends a sync; ``report`` (a module) answers what people ask.
- ``scan`` reads the bucket, ``reconcile`` lists the store, ``worker`` processes one file.
- ``store`` finds, measures and replaces the File Search store.
- ``lease`` fences writes, ``source`` inspects objects, ``throttle`` paces calls of Gemini.
- ``context`` (a module) bundles the ports and rules.
- ``events`` (a module) defines the log events, ``task_payload`` the payloads of tasks.
"""
