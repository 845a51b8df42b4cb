"""Looks whether a raw file is ACTIVE, so that it can be imported."""

from __future__ import annotations

from shared.domain.errors import GatewayError, Throttled
from shared.domain.file import attempt
from shared.gateways.ports import RemoteFile, RemoteState
from shared.services.looks.look import Look
from shared.services.worker.file_work import GONE


class AwaitActive:
    """A look at a raw file."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def run(self) -> None:
        """Read the raw file once, and decide what is next."""
        look = self._look
        try:
            remote = look.ask(
                lambda: look.context.gemini.get_file(look.raw_name), reraise=(GatewayError,)
            )
        except GONE as error:
            if look.may_be_account_fault(error):
                look.retry_later(error)
            look.restart()
        except GatewayError as error:
            if isinstance(error, Throttled) or not look.is_too_late():
                look.retry_later(error)
            look.restart()
            look.report_to_breaker(error)
        else:
            self._read(remote)

    def _read(self, remote: RemoteFile) -> None:
        look = self._look
        match remote.state:
            case RemoteState.ACTIVE:
                look.file.apply(lambda record: attempt.raw_became_active(record, look.now()))
                look.nudge()
            case RemoteState.FAILED:
                look.try_again(f"the raw file failed: {remote.error}", None)
            case RemoteState.PENDING if look.is_too_late():
                look.try_again("the raw file never became active", None)
            case RemoteState.PENDING:
                since = look.waiting_since(look.policy.active_deadline)
                look.poll_at(
                    look.next_look_at(since, look.policy.raw_look_first), lambda record: record
                )
