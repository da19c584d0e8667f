"""The same input gives the same zip, and the zip holds what Lambda needs and no more."""

import re
import zipfile
from pathlib import Path

import pytest

from easel_packaging.package_functions import AWS_PYTHON, package

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def aws_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "functions-aws.zip"
    package("aws", path)
    return path


def test_twice_the_same_bytes(aws_zip: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    package("aws", again)
    assert again.read_bytes() == aws_zip.read_bytes()


def test_the_aws_zip_has_wheels_for_lambda(aws_zip: Path) -> None:
    with zipfile.ZipFile(aws_zip) as archive:
        names = archive.namelist()
        wheel = archive.read(next(n for n in names if re.match(r"pydantic_core.*/WHEEL$", n)))
    tag = f"cp{AWS_PYTHON.replace('.', '')}"
    assert re.search(rf"Tag: {tag}-{tag}-manylinux\S*_x86_64", wheel.decode())
    binaries = [name for name in names if name.endswith(".so")]
    assert binaries
    assert all(re.search(rf"cpython-{tag[2:]}-x86_64-linux-gnu", name) for name in binaries)


def test_the_zip_holds_the_functions_and_nothing_of_this_machine(aws_zip: Path) -> None:
    with zipfile.ZipFile(aws_zip) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        handlers = {f"easel_{name}/handler.py" for name in ("intake", "reader", "webhook")}
        assert {*handlers, "easel_contract/task.py"} <= set(names)
        assert not [n for n in names if n.startswith(("easel_agent", "boto3", "easel_local"))]
        assert not [n for n in names if n.startswith("bin/")]
        assert not [n for n in names if n.endswith((".pyc", "RECORD", "direct_url.json"))]
        assert all(str(ROOT).encode() not in archive.read(name) for name in names)


def test_terraform_declares_the_python_that_the_zip_is_for() -> None:
    declared = (ROOT / "modules" / "api-fanout" / "variables_functions.tf").read_text()
    assert f'"python{AWS_PYTHON}"' in declared
