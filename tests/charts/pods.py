"""Looks into the pods that the chart makes."""

from typing import Any

from easel_agent.settings import AgentSettings
from tests.charts.helm import Manifest, of_kind


def pod_of(manifests: list[Manifest]) -> dict[str, Any]:
    pod = of_kind(manifests, "Deployment")["spec"]["template"]["spec"]
    assert isinstance(pod, dict)
    return pod


def container(pod: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (one for one in [*pod["initContainers"], *pod["containers"]] if one["name"] == name)
    assert isinstance(found, dict)
    return found


def environment_of(pod: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container(pod, "queue-agent")["env"]}


def settings_of(pod: dict[str, Any]) -> AgentSettings:
    return AgentSettings.from_environment(environment_of(pod))
