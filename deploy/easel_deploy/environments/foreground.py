"""Runs a program at this process's terminal, and lets it end in its own order.

`subprocess.call` kills it a quarter of a second after a Ctrl-C. Terraform needs longer: it waits
for what it is making, writes its state and unlocks it.
"""

import signal
import subprocess
from collections.abc import Mapping
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_to_its_end(command: list[str], environment: Mapping[str, str]) -> int:
    """Runs a program and waits for it, whatever signals come; from the main thread only.

    A Ctrl-C has reached it from the terminal already, and a second one would make Terraform stop at
    once; a SIGTERM is passed on.

    Args:
        command: the program and its arguments.
        environment: its variables.

    Returns:
        Its exit status.

    Raises:
        KeyboardInterrupt: it has ended, and a signal came meanwhile.
    """
    came: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if number == signal.SIGTERM:
            for process in running:
                process.send_signal(number)

    # One that is ignored, as in a shell's background, stays so: also in the program.
    noted = [one for one in _SIGNALS if signal.getsignal(one) != signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in noted}
    try:
        process = subprocess.Popen(command, env=environment)  # noqa: S603 - no shell
        running.append(process)
        if signal.SIGTERM in came:  # it came before the program could be told
            process.terminate()
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt(signal.Signals(came[0]).name)
    return status
