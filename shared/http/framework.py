"""What the functions framework would answer itself, in HTML, is answered by the routes."""

from __future__ import annotations

from flask import current_app, has_app_context, request

from shared.http.answers import DEFECT, answer
from shared.http.routes import Routes


def answer_everything(routes: Routes) -> None:
    """Let ``routes`` answer every request of the framework's app.

    The framework passes on most requests. It answers some itself, such as ``/robots.txt``, a path
    with a line break, or one with two slashes; the first two are errors, for which ``routes`` is
    asked. It loads a function's module in the context of its app; elsewhere this does nothing.
    """
    if not has_app_context():
        return
    current_app.url_map.merge_slashes = False  # or it redirects to the path with one slash
    current_app.register_error_handler(Exception, lambda _: routes(request))
    # For what fails after the routes have answered.
    current_app.register_error_handler(500, lambda _: answer(DEFECT, 500))
