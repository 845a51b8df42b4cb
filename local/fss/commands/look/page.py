"""The command `page`."""

from __future__ import annotations

import threading

import click

from local.front.page_front import PageFront
from local.fss.command_line.command import command, option
from local.fss.command_line.options import deployment_options
from local.fss.command_line.run import Run, pass_run
from local.fss.command_line.values import PORT
from local.fss.deployment.outcome import Exit, Failure
from local.fss.deployment.page_source import ask_of, source_of


@command(examples=("fss page", "fss page --open", "fss page --profile prod"))
@option("--open", "opens", is_flag=True, help="Open it in the browser.")
@option(
    "--port",
    type=PORT,
    metavar="N",
    help="The port to serve it on; default: the same each time for the same deployment.",
)
@deployment_options
@pass_run
def page(run: Run, opens: bool, port: int | None) -> Exit:  # noqa: FBT001 - the options
    """Serve the deployment's page on this machine, with your own identity, until Ctrl-C.

    Nobody else can open it: the address that is printed has a key.
    """
    deployment, place = run.deployment(), run.place()
    deployment.breaker()  # so that a wrong address or a missing role is told here
    try:
        asked = ask_of(deployment)
        front = PageFront(source_of(deployment), of=place.status or "", port=port, ask=asked)
    except OSError as error:
        raise Failure(Exit.USAGE, f"--port {port} can't be used: {error.strerror}") from error
    with front:
        run.output.answer({"page": front.address}, f"Open {front.address}\nCtrl-C ends it.")
        if opens:
            click.launch(front.address)
        threading.Event().wait()
    return Exit.IN_STEP
