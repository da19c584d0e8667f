"""Options of the tests that go against a stack: `pytest -m e2e --env us-east-1`.

They stand at the root, as pytest knows only the options of the `conftest.py` files that it finds
before it reads the command line: the one of this folder is found wherever the option's value
stands, and whether or not a folder has its name (`local`). A file outside of the checkout is given
with an equals sign, `--outputs=/tmp/outputs.json`: a path that stands by itself tells pytest where
the tests are.
"""

from pathlib import Path

import pytest

_DEPLOYED_TEST_SECONDS = 2400
"""Of one test: up to two tasks, of which the first may have to wait for a GPU node."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options, in a group of their own in `pytest --help`."""
    group = parser.getgroup("easel", "tests against a stack (-m e2e)")
    which = "folder under envs/ whose stack is tested, on AWS or by LOCAL=1 on this machine"
    group.addoption(
        "--env", default="local", metavar="NAME", help=f"{which} (default: local, applied for it)"
    )
    group.addoption(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="of `terraform output -json`, in place of --env",
    )
    group.addoption(
        "--artifacts",
        type=Path,
        metavar="DIR",
        help="folder for the pictures that came back and for junit.xml "
        "(default: none for local, else out/e2e/NAME)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Gives a deployed stack its time, and the report its place, unless others are named."""
    option = config.option
    name = option.outputs.stem if option.outputs else option.env
    deployed = option.outputs is not None or option.env != "local"
    if option.outputs is not None and not option.outputs.is_file():
        raise pytest.UsageError(f"--outputs: there is no file {option.outputs}")
    if deployed and option.artifacts is None:
        option.artifacts = config.rootpath / "out" / "e2e" / name
    if deployed and getattr(option, "timeout", None) is None:
        option.timeout = _DEPLOYED_TEST_SECONDS
    # The workers of pytest-xdist write no report.
    if option.artifacts is not None and not hasattr(config, "workerinput") and not option.xmlpath:
        option.artifacts.mkdir(parents=True, exist_ok=True)
        option.xmlpath = str(option.artifacts / "junit.xml")
