"""`python -m easel_snapshot build|list|prune`: the same as `easel snapshot`."""

import argparse
import sys

from easel_snapshot.verbs import add_snapshot, run_snapshot_verb


def main() -> int:
    """Parses the command line and runs it.

    Returns:
        the exit status; see run_snapshot_verb.
    """
    parser = argparse.ArgumentParser(prog="python -m easel_snapshot")
    add_snapshot(parser)
    return run_snapshot_verb(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
