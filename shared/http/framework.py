"""What the functions framework would answer itself, in HTML, is answered by the routes."""

from __future__ import annotations

from flask import current_app, has_app_context, request
from werkzeug.exceptions import HTTPException

from shared.http.answers import DEFECT, answer
from shared.http.routes import Routes


def answer_everything(routes: Routes) -> None:
    """Let ``routes`` answer every request of the framework's app.

    The framework passes on most requests. It refuses some itself, such as ``/robots.txt`` and paths
    with a line break. It loads a function's module in the context of its app; elsewhere this does
    nothing.
    """
    if not has_app_context():
        return
    current_app.register_error_handler(HTTPException, lambda _: routes(request))
    # For what fails after the routes have answered.
    current_app.register_error_handler(500, lambda _: answer(DEFECT, 500))
