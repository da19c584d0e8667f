"""One runtime's scaling is changed in an applied environment: that release alone is upgraded."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.applied_estate import NAMESPACE, AppliedEstate

pytestmark = pytest.mark.integration

MOST_PODS = 7
Changed = dict[str, tuple[str, str]]


def change(estate: AppliedEstate) -> tuple[str, str]:
    """The plan of the change, and the one after it was applied."""
    runtimes: dict[str, Any] = estate.module.evaluate("var.runtimes")
    runtimes["sdruntime"]["scaling"]["max_replica_count"] = MOST_PODS
    _, before = estate.module.plan(runtimes=runtimes)
    estate.module.apply(runtimes=runtimes)
    _, after = estate.module.plan(runtimes=runtimes)
    return before, after


@pytest.fixture(scope="module")
def changed(estates: dict[str, AppliedEstate]) -> Changed:
    with ThreadPoolExecutor() as pool:
        return dict(zip(estates, pool.map(change, estates.values()), strict=True))


def test_the_plan_shows_that_release_alone(estate: AppliedEstate, changed: Changed) -> None:
    before, after = changed[estate.region]
    touched = re.findall(r"^  # (\S+) (?:must|will) be", before, re.MULTILINE)
    release = 'module.runtime["sdruntime"].module.release[0]'
    assert touched == [f"{release}.terraform_data.upgrade"], before
    assert re.search(r"maxReplicas? += 5 -> 7|max\w* += 5 -> 7", before), before
    assert "No changes." in after


def test_that_release_alone_is_upgraded_in_place(estate: AppliedEstate, changed: Changed) -> None:
    assert changed
    revisions = {
        name: [int(one["version"]) for one in kept] for name, kept in estate.releases().items()
    }
    assert revisions.pop("sdruntime") == [1, 2]
    assert set(map(tuple, revisions.values())) == {(1,)}


def test_the_scaler_has_the_new_limit(estate: AppliedEstate, changed: Changed) -> None:
    assert changed
    path = f"apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/scaledobjects"
    limits = {
        one["metadata"]["name"]: one["spec"]["maxReplicaCount"]
        for one in estate.kubernetes(path)["items"]
    }
    assert limits == {"sdruntime": MOST_PODS, "comfyui": 5}
