"""The report at the end of a rehearsal, as text for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from local.rehearsal.step import Check, Cost, Result, State, Step, check_line
from shared.domain.figures import roughly

_SMALLEST = 0.01
"""Dollars below which an amount is not worth a figure."""


def report_lines(steps: Sequence[Step], results: Mapping[str, Result]) -> Iterator[str]:
    """Yield the report: each step with its time and cost, what is wrong, and what was learned."""
    width = max(len(step.title) for step in steps)
    yield f"{'Step':<{width}}  {'Result':<10}  {'Time':>8}  {'Cost':>8}"
    for step in steps:
        result = results.get(step.name, Result(State.NOT_PLAYED))
        state = result.state or "begun"
        cost = sum(each.usd for each in result.costs)
        time = roughly(result.seconds) if result.seconds else ""
        yield f"{step.title:<{width}}  {state:<10}  {time:>8}  {_amount(cost):>8}".rstrip()
    seconds = sum(result.seconds for result in results.values())
    costs = [cost for result in results.values() for cost in result.costs]
    total = _amount(sum(cost.usd for cost in costs)) if costs else ""
    yield f"{'Total':<{width}}  {'':<10}  {roughly(seconds):>8}  {total:>8}".rstrip()
    if costs:
        yield ""
        yield "Costs: what could be counted, at list prices. The bill, a day later, has the rest."
        yield from _cost_lines(costs)
    problems = list(problem_lines(steps, results))
    if problems:
        yield ""
        yield "What is not as it should be"
        yield from problems
    answers = [answer for result in results.values() for answer in result.answers]
    if answers:
        yield ""
        yield "What was learned about the services"
    for answer in answers:
        settled = "" if answer.is_settled else " (not settled)"
        yield f"  {answer.question.asks}{settled}"
        yield f"    {answer.text}"


def _cost_lines(costs: Sequence[Cost]) -> Iterator[str]:
    """Yield the costs by item."""
    for item in dict.fromkeys(cost.item for cost in costs):
        same = [cost for cost in costs if cost.item == item]
        quantity = ", ".join(cost.quantity for cost in same)
        yield f"  {item}: {quantity}: {_amount(sum(cost.usd for cost in same))}"


def problem_lines(steps: Sequence[Step], results: Mapping[str, Result]) -> Iterator[str]:
    """Yield what went wrong, by step."""
    for step in steps:
        result = results.get(step.name)
        if result is None:
            continue
        wrong: list[Check] = [check for check in result.checks if not check.holds]
        if result.state is State.FAILED:
            yield f"  {step.title}: {result.problem}"
        elif wrong:
            yield f"  {step.title}"
        yield from (f"    {check_line(check)}" for check in wrong)


def _amount(usd: float) -> str:
    if not usd:
        return ""
    return f"{usd:.2f} $" if usd >= _SMALLEST else f"< {_SMALLEST} $"
