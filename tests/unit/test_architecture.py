"""Who may know whom (docs/architecture/01-contract.md)."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "easel_contract": ROOT / "contract" / "easel_contract",
    "easel_records": ROOT / "records" / "easel_records",
    "easel_egress": ROOT / "egress" / "easel_egress",
    "easel_http": ROOT / "lambda" / "easel_http",
    "easel_intake": ROOT / "lambda" / "easel_intake",
    "easel_probe": ROOT / "lambda" / "easel_probe",
    "easel_reader": ROOT / "lambda" / "easel_reader",
    "easel_webhook": ROOT / "lambda" / "easel_webhook",
    "easel_agent": ROOT / "agent" / "easel_agent",
    "easel_cli": ROOT / "cli" / "easel_cli",
    "easel_deploy": ROOT / "deploy" / "easel_deploy",
    "easel_packaging": ROOT / "packaging" / "easel_packaging",
    "easel_simulators": ROOT / "simulators" / "easel_simulators",
    "easel_local": ROOT / "local" / "easel_local",
    "easel_mirror": ROOT / "mirror" / "easel_mirror",
    "easel_models": ROOT / "models" / "easel_models",
    "easel_snapshot": ROOT / "snapshot-builder" / "easel_snapshot",
    "easel_doctor": ROOT / "doctor" / "easel_doctor",
    "easel_cost": ROOT / "cost" / "easel_cost",
    "easel_load": ROOT / "load" / "easel_load",
}
MAY_IMPORT = {
    "easel_contract": set(),
    "easel_records": {"easel_contract"},
    "easel_egress": set(),
    "easel_http": {"easel_contract"},
    "easel_intake": {"easel_contract", "easel_records", "easel_http"},
    "easel_probe": {"easel_contract"},
    "easel_reader": {"easel_contract", "easel_records", "easel_http"},
    "easel_webhook": {"easel_contract", "easel_egress"},
    "easel_agent": {"easel_contract", "easel_records", "easel_egress"},
    "easel_cli": {
        "easel_contract",
        "easel_records",
        "easel_cost",
        "easel_deploy",
        "easel_doctor",
        "easel_mirror",
        "easel_models",
        "easel_packaging",
        "easel_snapshot",
    },
    # The way to real AWS needs nothing of the local stack.
    "easel_deploy": {"easel_contract"},
    "easel_packaging": {"easel_contract", "easel_deploy", "easel_agent", "easel_mirror"},
    "easel_simulators": set(),
    "easel_local": {"easel_contract", "easel_cli", "easel_deploy", "easel_simulators"},
    "easel_mirror": {"easel_contract", "easel_deploy"},
    "easel_models": {"easel_contract", "easel_egress", "easel_deploy"},
    "easel_snapshot": {"easel_contract", "easel_deploy"},
    # Terraform reads the settings, as easel_deploy runs it.
    "easel_cost": {"easel_contract", "easel_deploy"},
    "easel_load": {"easel_contract", "easel_cli", "easel_deploy"},
    # The checks look with what acts: the same clients, the same rules.
    "easel_doctor": {
        "easel_contract",
        "easel_records",
        "easel_deploy",
        "easel_mirror",
        "easel_models",
        "easel_snapshot",
    },
}
AWS = {"boto3", "botocore"}
# The entry point makes the clients, aws.py turns AWS's errors into the agent's own; the others look
# for a particular one.
AGENT_FILES_WITH_AWS = {"__main__.py", "aws.py", "queue.py", "outputs.py", "inputs.py"}
# What stands on no other server, by docs/adr/0055; the tests' break HTTP's rules, or have TLS.
SERVES_BY_ITSELF = {
    "agent/easel_agent/health.py",
    "local/easel_local/kubernetes/server.py",
    "simulators/easel_simulators/server.py",
    "tests/faults/bombs.py",
    "tests/integration/mirror_world.py",
    "tests/integration/picture_server.py",
    "tests/integration/test_browsers_are_kept_out.py",
    "tests/integration/test_charts_are_fetched.py",
    "tests/integration/test_mirror_keeps_passwords.py",
    "tests/integration/test_models_come_from_urls.py",
    "tests/integration/webhook_receiver.py",
}
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "common"}


def imports(file: Path) -> set[str]:
    """Top-level names of the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def sources() -> Iterator[tuple[str, Path]]:
    for package, folder in PACKAGES.items():
        for file in folder.rglob("*.py"):
            yield package, file


def test_every_package_is_looked_at() -> None:
    assert {package for package, _ in sources()} == PACKAGES.keys()


def test_every_package_is_installed_linted_and_typed() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    folders = {folder.parent.relative_to(ROOT).as_posix() for folder in PACKAGES.values()}
    assert set(tool["setuptools"]["packages"]["find"]["where"]) == folders
    assert set(tool["mypy"]["mypy_path"]) == folders
    assert set(tool["mypy"]["packages"]) == PACKAGES.keys()
    assert set(tool["ruff"]["lint"]["isort"]["known-first-party"]) == PACKAGES.keys()


def test_packages_import_only_what_they_may() -> None:
    wrong = {
        str(file.relative_to(ROOT)): extra
        for package, file in sources()
        if (extra := (imports(file) & PACKAGES.keys()) - MAY_IMPORT[package] - {package})
    }
    assert wrong == {}


def test_the_contract_knows_no_aws() -> None:
    assert not [
        file for package, file in sources() if package == "easel_contract" and AWS & imports(file)
    ]


def test_in_the_agent_aws_errors_stop_at_the_edge() -> None:
    folder = PACKAGES["easel_agent"]
    touching = {f.relative_to(folder).as_posix() for f in folder.rglob("*.py") if AWS & imports(f)}
    assert touching == AGENT_FILES_WITH_AWS


def test_in_the_agent_only_adapters_and_the_fetching_of_inputs_speak_http() -> None:
    folder = PACKAGES["easel_agent"]
    speaking = {f for f in folder.rglob("*.py") if {"requests", "urllib3"} & imports(f)}
    others = {file.name for file in speaking if "runtimes" not in file.parts}
    assert others == {"fetch.py", "spot.py"}


def test_http_is_served_by_one_module() -> None:
    files = [*(file for _, file in sources()), *(ROOT / "tests").rglob("*.py")]
    serving = {
        file.relative_to(ROOT).as_posix()
        for file in files
        if re.search(r"^(from|import) http\.server\b", file.read_text(), re.MULTILINE)
    }
    assert serving == SERVES_BY_ITSELF


def test_terraform_is_started_by_one_class() -> None:
    starting = {
        file.name
        for _, file in sources()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.List) and node.elts and ast.unparse(node.elts[0]) == "'terraform'"
    }
    assert starting == {"root_module.py"}


def test_nothing_imports_the_tests() -> None:
    assert not [file for _, file in sources() if "tests" in imports(file)]


def test_names_say_something() -> None:
    names = {part for _, file in sources() for part in file.relative_to(ROOT).with_suffix("").parts}
    assert not names & FORBIDDEN_NAMES


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_names_every_room(readme: str) -> None:
    rooms = {folder.relative_to(ROOT).parts[0] for folder in PACKAGES.values()}
    text = (ROOT / readme).read_text()
    assert [room for room in sorted(rooms) if f"| [{room}/]({room}) |" not in text] == []
