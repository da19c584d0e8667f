"""`easel-deploy` imports what a verb needs when the verb runs, and nothing before."""

import pkgutil
import subprocess
import sys

import pytest

from easel_deploy.verbs import VERBS

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_its_function(verb: tuple[str, str]) -> None:
    function, words = VERBS[verb]
    assert callable(pkgutil.resolve_name(function))
    assert words


def imported_by(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_the_command_line_imports_no_verb() -> None:
    loaded = imported_by("import easel_deploy.main")
    assert "easel_deploy.main" in loaded
    assert not loaded & {"boto3", "botocore", "pydantic", "requests", "yaml"}
    assert not loaded & {function.partition(":")[0] for function, _ in VERBS.values()}


def test_a_token_needs_aws_and_no_more() -> None:
    loaded = imported_by("import easel_deploy.main, easel_deploy.cluster.eks_token")
    assert "botocore" in loaded
    assert not loaded & {"pydantic", "requests", "yaml"}
