"""Plays the steps in order, times them, and goes on to the tear-down whatever happens."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence

from local.fss.deployment.outcome import Failure
from local.printable import printable_lines
from local.processes.children import CouldNotRun
from local.rehearsal.journal import Journal
from local.rehearsal.programs import CommandFailed
from local.rehearsal.progress import INDENT
from local.rehearsal.step import Findings, LeftOut, Result, State, Step, StepFailed
from shared.domain.figures import roughly

LONG = 2.0
"""Minutes from which on a step says how long it takes."""

_EXPECTED = (StepFailed, CommandFailed, CouldNotRun, Failure)
"""Exceptions whose message says all; of any other one the place in the code is shown too."""


class Runner:
    """Plays steps.

    Once a needed step has failed, only those that leave nothing behind are played. Steps that an
    earlier run with the same journal has finished are not played again.

    Args:
        steps: The steps, in order.
        journal: What was done before; it gets what is done now.
        say: Prints text.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        journal: Journal,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps = steps
        self._journal = journal
        self._say = say
        self._clock = clock

    def run(self, *, only_always: bool = False) -> bool:
        """Play all steps that are left; return whether all is as it should be.

        Args:
            only_always: Play only the steps that leave nothing behind.

        Raises:
            KeyboardInterrupt: The run was interrupted; the step can be played again.
        """
        is_stopped = only_always
        for number, step in enumerate(self._steps, 1):
            title = f"{number:>2}/{len(self._steps)}  {step.title}"
            before = self._journal.result(step.name)
            if before is not None and _is_over(before, step):
                self._say(f"{title}: {before.state} in an earlier run")
            elif is_stopped and not step.always:
                self._journal.note(step.name, Result(State.NOT_PLAYED))
                self._say(f"{title}: not played")
            else:
                self._say(f"\n{title}")
                self._play(step, is_again=before is not None)
            result = self._journal.result(step.name)
            failed = result is not None and result.state is State.FAILED
            is_stopped = is_stopped or (failed and step.is_needed)
        results = [result for _, result in self._journal.results()]
        return all(result.state is not None and result.state.is_good for result in results)

    def _play(self, step: Step, *, is_again: bool) -> None:
        about = f" About {step.minutes:.0f} minutes." if step.minutes >= LONG else ""
        self._indented(step.about + about)
        findings = Findings(
            self._journal.memory, self._indented, self._journal.save, is_again=is_again
        )
        result = findings.result
        self._journal.note(step.name, result)
        began = self._clock()
        try:
            step.play(findings)
            wrong = [check for check in result.checks if not check.holds]
            result.state = State.WRONG if wrong else State.DONE
        except LeftOut as reason:
            result.state, result.problem = State.LEFT_OUT, str(reason)
            self._indented(f"left out: {reason}")
        except _EXPECTED as error:
            result.state, result.problem = State.FAILED, str(error)
            self._indented(f"FAILED {error}")
        except Exception as error:  # noqa: BLE001 - nothing may keep the tear-down from being played
            result.state, result.problem = State.FAILED, repr(error)
            self._indented(f"FAILED {''.join(traceback.format_exception(error))}")
        finally:
            result.seconds += self._clock() - began
            self._journal.note(step.name, result)
        self._indented(f"{roughly(result.seconds)}")

    def _indented(self, text: str) -> None:
        lines = printable_lines(text).splitlines() or [""]
        self._say("\n".join(f"{INDENT}{line}" for line in lines))


def _is_over(result: Result, step: Step) -> bool:
    """Whether a step need not be played again; one that leaves nothing behind must have worked."""
    if step.always:
        return result.state is State.DONE
    return result.state not in (None, State.NOT_PLAYED)
