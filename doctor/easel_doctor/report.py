"""What a person or a script reads of the results."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from easel_contract.plain_text import printable, printable_lines
from easel_doctor.check import Phase
from easel_doctor.finding import State
from easel_doctor.running import Result

HEADINGS = {
    Phase.BEFORE: "What an apply needs",
    Phase.AFTER: "How the stack is doing",
}

_STATE_WIDTH = max(map(len, State))
_NAME_WIDTH = 13
_INDENT = " " * 2


def lines_of(result: Result) -> str:
    """Returns a result as lines for a terminal, without a line end behind the last."""
    finding = result.finding
    lines = [
        f"{finding.state:<{_STATE_WIDTH}} {result.name:<{_NAME_WIDTH}} {printable(finding.summary)}"
    ]
    for problem in finding.problems:
        for words, mark in ((problem.text, f"{problem.state}: "), (problem.remedy, "-> ")):
            first, *others = printable_lines(words).split("\n")
            lines.append(f"{_INDENT}{mark}{first}")
            lines += [f"{_INDENT}{' ' * len(mark)}{line}" for line in others]
    return "\n".join(lines)


def last_line(results: Iterable[Result]) -> str:
    """Returns how many checks ended in each state, the worst first."""
    counts = Counter(one.finding.state for one in results)
    return ", ".join(f"{counts[state]} {state}" for state in reversed(list(State)) if counts[state])


def as_json(environment: str, results: Iterable[Result]) -> str:
    """Returns the results as a JSON document in one line.

    Args:
        environment: name of the folder under envs/.
        results: in order.
    """
    results = list(results)
    document = {
        "environment": environment,
        "failed": has_failed(results),
        "checks": [_document(one) for one in results],
    }
    return json.dumps(document)


def has_failed(results: Iterable[Result]) -> bool:
    """Returns whether a check has failed; warnings and what was not checked do not."""
    return any(one.finding.state is State.FAIL for one in results)


def _document(result: Result) -> dict[str, Any]:
    finding = result.finding
    return {
        "name": result.name,
        "phase": result.phase,
        "state": finding.state,
        "summary": finding.summary,
        "seconds": round(result.seconds, 2),
        "problems": [
            {"state": one.state, "text": one.text, "remedy": one.remedy} for one in finding.problems
        ],
    }
