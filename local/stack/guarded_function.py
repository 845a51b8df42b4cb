"""`python -m local.stack.guarded_function --port P`: serves the function of the current folder.

As `functions_framework --target main --source main.py` does, on 127.0.0.1 and behind the guard
against web pages, which the deployed functions don't need: there, IAM asks for a token.
"""

from __future__ import annotations

import argparse
import gc

from functions_framework import create_app
from functions_framework._http import create_server

from local.web_guard.wsgi_guard import WsgiGuard

HOST = "127.0.0.1"


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m local.stack.guarded_function")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    gc.disable()
    application = create_app("main", "main.py")  # type: ignore[no-untyped-call]
    # What is loaded stays: without this, each process looks through all of it when it ends.
    gc.freeze()
    gc.enable()
    application.wsgi_app = WsgiGuard(application.wsgi_app)
    options = {
        "keepalive": 0,  # kept connections save nothing here, and a stopping server waits for each
        "control_socket_disable": True,  # else all functions take one path in the home directory
    }
    server = create_server(application, debug=False, **options)  # type: ignore[no-untyped-call]
    server.run(HOST, port)


if __name__ == "__main__":
    main()
