"""modules/ and envs/ serve every partition, and a module depends on its inputs alone."""

import os
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.plan

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.parent for path in ROOT.glob("modules/*/versions.tf"))
CODE = sorted([*ROOT.glob("modules/**/*.tf"), *ROOT.glob("envs/**/*.tf")])
PRINCIPAL = re.compile(r'\s+\w+\s+= "[a-z.-]+\.(amazonaws\.com|\$\{[^}]+\}.*)"')
MODULE_CODE = [path for path in CODE if path.is_relative_to(ROOT / "modules")]


def lines_with(pattern: str, files: list[Path]) -> list[str]:
    """Where a pattern occurs outside of comments, as `file:line: text`."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line) and not line.lstrip().startswith("#")
    ]


def test_there_is_something_to_look_at() -> None:
    assert {module.name for module in MODULES} >= {"api-fanout", "runtime"}
    assert len(MODULE_CODE) > 10


def test_no_partition_is_written_down() -> None:
    assert lines_with(r"arn:aws[a-z-]*:", CODE) == []


def test_dns_suffixes_appear_only_in_a_modules_service_principals() -> None:
    for path in CODE:
        text = path.read_text()
        principals = re.search(r"service_principals = \{.*?\n  \}", text, re.DOTALL)
        rest = text.replace(principals.group(), "") if principals else text
        assert "amazonaws.com" not in rest, path
        for line in principals.group().splitlines()[1:-1] if principals else []:
            assert re.fullmatch(
                r'\s+\w+\s+= "[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|\$\{[^}]+\}.*)"', line
            ), line


def test_modules_configure_no_provider_and_read_no_state() -> None:
    assert lines_with(r'^\s*provider\s+"', MODULE_CODE) == []
    assert lines_with(r"terraform_remote_state", CODE) == []


def test_modules_are_told_the_account_and_the_zones() -> None:
    assert lines_with(r"aws_caller_identity|aws_availability_zones", MODULE_CODE) == []


def test_only_the_aws_provider_is_used() -> None:
    sources = {
        source
        for path in CODE
        for source in re.findall(r'source\s*=\s*"([a-z0-9-]+/[a-z0-9-]+)"', path.read_text())
    }
    assert sources == {"hashicorp/aws"}


def test_a_module_calls_no_sibling_but_helm_release() -> None:
    calls = lines_with(r'source\s*=\s*"\.', MODULE_CODE)
    assert [call for call in calls if "../helm-release" not in call] == []


def test_code_is_formatted(terraform_environment: dict[str, str]) -> None:
    folders = [str(ROOT / name) for name in ("modules", "envs", "tests/plan")]
    formatted = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-list=true", *folders],
        env=os.environ | terraform_environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (formatted.returncode, formatted.stdout) == (0, "")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_input_and_output_is_described_and_in_the_readme(module: Path) -> None:
    readme = (module / "README.md").read_text()
    for kind in ("variable", "output"):
        text = "\n".join(path.read_text() for path in sorted(module.glob(f"{kind}s*.tf")))
        blocks = re.findall(rf'^{kind} "(\w+)" \{{(.*?)^\}}', text, re.DOTALL | re.MULTILINE)
        assert blocks
        for name, body in blocks:
            assert re.search(r"^  description\s+=", body, re.MULTILINE), f"{kind} {name}"
            assert f"| `{name}` |" in readme, f"{kind} {name} is not in {module.name}/README.md"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_the_readmes_example_is_the_one_that_is_planned(module: Path) -> None:
    fixture = Path(__file__).parent / "fixtures" / module.name.replace("-", "_") / "example.tf"
    example = fixture.read_text().replace("../../../../modules/", "../../modules/")
    assert f"```hcl\n{example}```" in (module / "README.md").read_text()


def test_the_index_names_every_file_that_makes_something() -> None:
    index = (ROOT / "modules" / "README.md").read_text()
    for path in MODULE_CODE:
        if re.search(r'^(resource|module) "', path.read_text(), re.MULTILINE):
            assert f"({path.relative_to(ROOT / 'modules')})" in index, path


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in CODE}), ids=lambda path: path.name
)
def test_every_variable_is_read(folder: Path) -> None:
    """A setting that an environment declares and does not hand on would change nothing."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    declared = set(re.findall(r'^variable "(\w+)"', text, re.MULTILINE))
    # Its own validation is no reading.
    rest = re.sub(r'^variable "\w+" \{.*?^\}', "", text, flags=re.MULTILINE | re.DOTALL)
    assert declared - set(re.findall(r"\bvar\.(\w+)", rest)) == set()
