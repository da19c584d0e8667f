"""Looks for what breaks us, at random but repeatably: `make fuzz FUZZ_ARGS="messages --seed 2"`."""

import argparse
import logging
import time
from collections import Counter

from tests.fuzz.api import BREAKABLE, OPERATIONS, ask, stack
from tests.fuzz.messages import Messages
from tests.fuzz.reader import MessageReader

_SHOWN_EVERY = 10_000


def read_messages(count: int, seed: int) -> None:
    """Has an agent read messages; tells how they ended and which took longest."""
    reader, endings, slowest = MessageReader(), Counter[str](), (0.0, "")
    for number, body in enumerate(Messages(seed), start=1):
        began = time.perf_counter()
        try:
            ending, _ = reader.read(body)
        except BaseException:
            print(f"message {number} of seed {seed}: {body[:2000]!r}")
            raise
        endings[ending] += 1
        slowest = max(slowest, (time.perf_counter() - began, body[:200]))
        if number % _SHOWN_EVERY == 0:
            print(f"{number} messages: {dict(endings)}", flush=True)
        if number >= count:
            break
    print(f"{endings.total()} messages, none lost: {dict(endings)}")
    print(f"the slowest took {slowest[0]:.3f} s: {slowest[1]!r}")


def ask_api(count: int, seed: int) -> None:
    """Asks the API's functions; tells what they answered."""
    per_operation = 2 * -(-count // (OPERATIONS + BREAKABLE))
    with stack() as app:
        statuses = ask(app, per_operation, seed, lambda line: print(line, flush=True))
    print(f"{statuses.total()} requests, no 5xx: {dict(sorted(statuses.items()))}")


def main() -> None:
    """Runs one kind, or both."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("kind", nargs="?", choices=("messages", "api", "all"), default="all")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if arguments.kind in ("messages", "all"):
        read_messages(arguments.messages, arguments.seed)
    if arguments.kind in ("api", "all"):
        ask_api(arguments.requests, arguments.seed)


if __name__ == "__main__":
    main()
