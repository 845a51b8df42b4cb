"""What runs on a person's machine and is never deployed.

Rooms, from the top: ``demo``, ``chaos`` and ``rate`` try a whole stack out; ``fss`` is the command;
``stack`` starts the parts of a deployment; ``bucket``, ``cloud_storage``, ``firestore``,
``firestore_emulator``, ``gemini`` and ``cloud_tasks`` are those parts; ``terraform`` reads and
checks the configuration; ``grpc_server``, ``sqlite_state``, ``web_guard``, ``processes``,
``packaging`` and ``printable`` serve the others. A room imports only rooms further down. The
servers ``cloud_storage``, ``firestore``, ``gemini`` and ``cloud_tasks`` import nothing of this
project but themselves and what serves them.
"""
