"""Every pinned version is the same wherever it stands, and somebody still looks after it."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import requests
import yaml

from easel_deploy.pins import (
    ADDONS,
    AGENT_BASE,
    BOTTLEROCKET,
    FUNCTIONS_RUNTIME,
    KARPENTER,
    KEDA,
    KUBERNETES,
    KUBERNETES_VERSIONS,
    PINS,
    newest,
    pulled,
)
from easel_deploy.pins.__main__ import report
from easel_packaging.crds import CHARTS
from tests.charts.manifests import KUBERNETES as VALIDATED

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]


def found_in(path: str, pattern: str) -> set[str]:
    """What the pattern's group matches in a file; fails where it matches nothing."""
    found = set(re.findall(pattern, (ROOT / path).read_text(), re.MULTILINE))
    assert found, f"{path} has no {pattern}"
    return found


def test_nothing_is_past_its_end() -> None:
    today = datetime.now(UTC).date()
    past = [f"{pin.name} {pin.version}: {pin.end}" for pin in PINS if pin.supported_until < today]
    assert not past, (
        f"past their end on {today}: {past}. Ask for the newest by `make pins`, write them "
        "and their ends into deploy/easel_deploy/pins/__init__.py, and follow the failures of this "
        "file. "
        "A new Karpenter or KEDA needs what tests were read from: local/charts/README.md."
    )


def test_kubernetes_is_the_same_everywhere() -> None:
    module = "modules/eks-karpenter/variables.tf"
    block = (ROOT / module).read_text().partition('variable "kubernetes_version"')[2]
    block = block.partition("\nvariable ")[0]
    assert re.findall(r'default\s+= "([0-9.]+)"', block) == [KUBERNETES]
    (offered,) = re.findall(r"contains\((\[.*?\]), var\.kubernetes_version\)", block)
    assert json.loads(offered) == list(KUBERNETES_VERSIONS) == list(VALIDATED)
    for region in ("us-east-1", "cn-northwest-1"):
        settings = f"envs/{region}/terraform.tfvars"
        assert found_in(settings, r'^  kubernetes_version = "([0-9.]+)"') == {KUBERNETES}
        assert found_in(settings, r"--kubernetes-version ([0-9]+\.[0-9]+)") == {KUBERNETES}
    for document in ("docs/operations.md", "docs/china.md", "docs/china.zh-CN.md"):
        assert found_in(document, r"--kubernetes-version ([0-9]+\.[0-9]+)") == {KUBERNETES}
    assert found_in("docs/operations.md", r"aws-k8s-([0-9]+\.[0-9]+)/") == {KUBERNETES}


def test_charts_are_the_same_everywhere() -> None:
    assert found_in(
        "modules/eks-karpenter/variables_karpenter.tf", r'optional\(string, "([0-9.]+)"\)'
    ) == {KARPENTER.version}
    assert found_in("modules/keda/variables.tf", r'optional\(string, "([0-9.]+)"\)') == {
        KEDA.version
    }
    assert {chart.version for chart in CHARTS} == {KARPENTER.version, KEDA.version}
    chart = yaml.safe_load((ROOT / "charts/sd-runtime/Chart.yaml").read_text())["annotations"]
    assert KARPENTER.version.startswith(chart["easel/karpenter"].removesuffix("x"))
    assert KEDA.version.startswith(chart["easel/keda"].removesuffix("x"))


def test_images_and_add_ons_are_the_same_everywhere() -> None:
    values = yaml.safe_load((ROOT / "charts/sd-runtime/values.yaml").read_text())
    assert values["nodes"]["amiAlias"] == f"bottlerocket@v{BOTTLEROCKET.version}"
    base = found_in("agent/Dockerfile", r"^FROM \S*python:(\S+)@sha256:[0-9a-f]{64}")
    assert base == {AGENT_BASE.version}
    functions = "modules/api-fanout/variables_functions.tf"
    assert found_in(functions, r'"python([0-9.]+)"\)$') == {FUNCTIONS_RUNTIME.version}
    settings = (ROOT / "envs/us-east-1/terraform.tfvars").read_text()
    addons = re.findall(r'^  ([a-z0-9-]+)\s+= "v(\S+-eksbuild\.\d+)"', settings, re.MULTILINE)
    assert dict(addons) == {pin.name: pin.version for pin in ADDONS}


def test_what_is_pulled_is_the_same_everywhere() -> None:
    releases = "modules/eks-karpenter/releases.tf"
    (registry,) = found_in(releases, r'coalesce\(var\.karpenter\.registry, "([^"]+)"\)')
    charts = found_in(releases, r'oci://\$\{local\.karpenter_registry\}/([a-z-]+)"')
    assert {f"oci://{registry}/{name}" for name in charts} == {
        chart.reference for chart in pulled.CHARTS if chart.repository is None
    }
    (image,) = found_in(releases, r'repository = "\$\{registry\}/([a-z]+)"')
    assert pulled.KARPENTER_IMAGE.repository == f"{registry}/{image}"
    main = "envs/stack/main.tf"
    assert found_in(main, r'repository = "(https://[^"]+)"') == {pulled.KEDA_CHART.repository}
    (mirrored,) = found_in(main, r'"oci://\$\{local\.mirror\}/([^"]+)"')
    assert mirrored == pulled.KEDA_CHART.copied_to
    (below,) = found_in(main, r'"\$\{local\.mirror\}/(karpenter)"')
    assert {f"{below}/{name}" for name in (*charts, image)} == {
        one.copied_to
        for one in (*pulled.CHARTS, *pulled.IMAGES)
        if one.setting == "karpenter_version"
    }
    # KEDA's chart puts these behind global.image.registry, which environments set to the mirror.
    assert {image.copied_to for image in pulled.KEDA_IMAGES} == {
        image.repository.partition("/")[2] for image in pulled.KEDA_IMAGES
    }
    bases = found_in("agent/Dockerfile", r"^FROM \$\{REGISTRY\}(\S+)")
    base = pulled.AGENT_BASE_IMAGE
    assert bases == {f"{base.copied_to}:{base.tag}@{base.digest}"}


def test_the_default_is_no_newer_than_what_keda_is_tested_on() -> None:
    # keda.sh/docs/2.21/operate/cluster: each release's window of Kubernetes versions.
    newest_tested = {"2.20": "1.35", "2.21": "1.36"}
    assert newest_tested[KEDA.version.rpartition(".")[0]] == KUBERNETES


def test_the_report_counts_what_is_past_and_says_who_was_not_asked() -> None:
    def refused() -> str:
        raise newest.NotReachedError("no way there")

    first = min(pin.supported_until for pin in PINS)
    lines, past = report(first, {"KEDA": lambda: "9.9.9", "Karpenter": refused})
    assert past == 0
    assert any(line.endswith("  0 days left") for line in lines)
    assert lines[-2:] == ["newest  KEDA: 9.9.9", "newest  Karpenter: NOT ASKED: no way there"]
    lines, past = report(first + timedelta(days=1), {})
    assert past == sum(pin.supported_until == first for pin in PINS)
    assert any(line.endswith("PAST ITS END, 1 days ago") for line in lines)
    assert report(date(2100, 1, 1), {})[1] == len(PINS)


def test_the_newest_is_no_release_candidate_and_compares_numbers() -> None:
    assert newest.newest_of(["v1.9.0", "1.10.0", "1.11.0-rc.1", "latest"]) == "1.10.0"
    with pytest.raises(newest.NotReachedError, match="names no version"):
        newest.newest_of(["latest"])


@pytest.mark.parametrize("ask", [newest.newest_karpenter, newest.newest_keda])
def test_who_is_not_reached_is_named(ask: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "get", unreachable)
    assert callable(ask)
    with pytest.raises(newest.NotReachedError, match=r"^https://\S+: ConnectionError$"):
        ask()
