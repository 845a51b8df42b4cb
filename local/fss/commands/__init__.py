"""The commands of `fss`: a module for each, or for a few that are alike, in rooms as in the help.

The rooms don't import each other.

Each is imported when it is used, so what one command needs does not slow the others down. A command
is a function with the decorators of ``fss.command_line``, and a line in its ``catalogue``. It
returns an exit code, prints its answer through ``Run.output``, and raises ``Failure`` if it can't.
"""
