"""`python -m easel_snapshot build|list|prune`: the same as `easel snapshot`."""

import sys

from easel_deploy.command_line import run_command_line
from easel_snapshot.verbs import snapshot_commands


def main() -> int:
    """Runs the command line.

    Returns:
        the exit status; see snapshot_commands.
    """
    return run_command_line(snapshot_commands(), "python -m easel_snapshot", sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
