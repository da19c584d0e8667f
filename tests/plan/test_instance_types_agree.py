"""The rule which instance types can run a pod stands twice: plan and chart agree on every case.

Both read charts/sd-runtime/instance-types.json and the chart's defaults; what they make of them is
written in Terraform and in Helm's language. The cases are the chart's own tests'.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.helm import CHART, Values, overlay
from tests.charts.test_instance_types_run_the_pod import REFUSED, TAKEN

from .test_validations import terraform_test

pytestmark = pytest.mark.plan

HERE = Path(__file__).parent
READ = ("runtime", "agent", "nodes", "models")
RULE = "aws_eks_pod_identity_association.agent"


def runs() -> str:
    """A run of `terraform test` for each case, with the values that the chart's tests render."""
    cases = [(f"refused_{name}", changes, True) for name, (changes, _) in REFUSED.items()]
    cases += [(f"taken_{name}", changes, False) for name, changes in TAKEN.items()]
    return "\n".join(run(name, changes, fails=fails) for name, changes, fails in cases)


def run(name: str, changes: Values, *, fails: bool) -> str:
    example = yaml.safe_load((CHART / "ci" / "sdwebui-values.yaml").read_text())
    values: dict[str, Any] = overlay(example, changes)
    text = yaml.safe_dump({section: values[section] for section in READ if section in values})
    expected = f"expect_failures = [{RULE}]" if fails else ""
    return (
        f'run "{re.sub("[^a-z0-9]+", "_", name.lower())}" {{\n  command = plan\n'
        f"  variables {{\n    extra_values_yaml = <<-EOT\n{text}EOT\n  }}\n  {expected}\n}}\n"
    )


def test_plan_and_chart_agree(tmp_path: Path, one_provider: dict[str, str]) -> None:
    head, _, _ = (
        (HERE / "validation" / "runtime.instance_types.tftest.hcl").read_text().partition('\nrun "')
    )
    tests = tmp_path / "runtime.agreement.tftest.hcl"
    tests.write_text(f"{head}\n{runs()}")
    report = terraform_test(tests, tmp_path, one_provider)
    count = len(REFUSED) + len(TAKEN)
    assert count > 15
    assert f"Success! {count} passed, 0 failed." in report


def test_both_read_the_same_table() -> None:
    table = "instance-types.json"
    plan = (HERE.parents[1] / "modules" / "runtime" / "instance_types.tf").read_text()
    assert f"../../charts/sd-runtime/{table}" in plan
    assert table in (CHART / "templates" / "_instance-types.tpl").read_text()
    assert (CHART / table).is_file()
