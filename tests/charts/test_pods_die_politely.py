"""A pod starts when its runtime is ready and ends when its task is done."""

from typing import Any

import pytest

from easel_agent.settings import AgentSettings
from tests.charts.helm import Helm, Manifest, Values, at, of_kind, overlay
from tests.charts.pods import container, environment_of, pod_of, settings_of

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def manifests(helm: Helm, sdwebui: Values) -> list[Manifest]:
    return helm.render(sdwebui)


@pytest.fixture(scope="module")
def pod(manifests: list[Manifest]) -> dict[str, Any]:
    return pod_of(manifests)


def test_the_runtime_is_started_before_the_agent_and_stopped_after_it(pod: dict[str, Any]) -> None:
    assert [one["name"] for one in pod["containers"]] == ["queue-agent"]
    assert pod["initContainers"][-1]["name"] == "runtime"
    assert pod["initContainers"][-1]["restartPolicy"] == "Always"


@pytest.mark.parametrize(("limit", "period"), [(900, 5), (100, 7)])
def test_the_runtime_may_take_its_time_to_start(
    helm: Helm, sdwebui: Values, limit: int, period: int
) -> None:
    probe = {"limitSeconds": limit, "periodSeconds": period}
    pod = pod_of(helm.render(overlay(sdwebui, at("runtime.startupProbe", probe))))
    startup = container(pod, "runtime")["startupProbe"]
    given = startup["periodSeconds"] * startup["failureThreshold"]
    assert limit <= given < limit + period


@pytest.mark.parametrize(("given", "limit"), [(0, 900 + 900), (5400, 5400)])
def test_a_change_has_time_for_a_node_and_a_start(
    helm: Helm, sdwebui: Values, given: int, limit: int
) -> None:
    manifests = helm.render(overlay(sdwebui, at("rollout.progressDeadlineSeconds", given)))
    assert of_kind(manifests, "Deployment")["spec"]["progressDeadlineSeconds"] == limit


def test_the_probe_asks_what_the_agent_asks(helm: Helm, examples: dict[str, Values]) -> None:
    asked = {
        kind: container(pod_of(helm.render(examples[kind])), "runtime")["startupProbe"]["httpGet"]
        for kind in examples
    }
    assert asked["sdwebui"]["path"].startswith("/sdapi/v1/progress")
    assert asked["custom"]["path"] == asked["sdwebui"]["path"]
    assert asked["comfyui"]["path"] == "/queue"


@pytest.mark.parametrize("task_seconds", [1, 600, 39_400])
def test_the_longest_task_fits_into_every_grace(
    helm: Helm, sdwebui: Values, task_seconds: int
) -> None:
    manifests = helm.render(overlay(sdwebui, at("agent.settings.taskTimeoutSeconds", task_seconds)))
    pod = pod_of(manifests)
    node = of_kind(manifests, "NodePool")["spec"]["template"]["spec"]["terminationGracePeriod"]
    agent = settings_of(pod)
    assert agent.task_timeout_seconds == task_seconds
    assert (
        task_seconds
        < agent.shutdown_grace_seconds
        < pod["terminationGracePeriodSeconds"]
        < int(node.rstrip("s"))
    )


def test_the_agent_understands_its_settings(helm: Helm, examples: dict[str, Values]) -> None:
    found = {kind: settings_of(pod_of(helm.render(examples[kind]))) for kind in examples}
    assert found["sdwebui"].runtime_url == "http://127.0.0.1:7860"
    assert found["comfyui"].runtime_url == "http://127.0.0.1:8188"
    assert found["custom"].runtime_url == "http://127.0.0.1:1234"
    assert found["comfyui"].runtime_name == "workflows"
    assert found["comfyui"].task_timeout_seconds == 1800
    assert {kind: str(settings.runtime_type) for kind, settings in found.items()} == {
        "sdwebui": "sdwebui",
        "comfyui": "comfyui",
        "custom": "sdwebui",
    }


def test_every_setting_of_the_agent_can_be_given(helm: Helm, examples: dict[str, Values]) -> None:
    values = overlay(examples["comfyui"], at("runtime.pricePerHour", 1.006))
    priced = pod_of(helm.render(values))
    given = {name.removeprefix("EASEL_").lower() for name in environment_of(priced)}
    assert AgentSettings.model_fields.keys() <= given


@pytest.mark.parametrize("price", [None, 0, 0.0004, 1.006, 98])
def test_the_agent_is_told_the_price_there_is(
    helm: Helm, sdwebui: Values, price: float | None
) -> None:
    values = {"pricePerHour": price, "currency": "CNY"}
    told = settings_of(pod_of(helm.render(overlay(sdwebui, at("runtime", values)))))
    assert told.price_per_hour == price
    assert told.currency == ("USD" if price is None else "CNY")


def test_the_agent_is_probed(pod: dict[str, Any]) -> None:
    agent = container(pod, "queue-agent")
    assert agent["ports"] == [{"name": "health", "containerPort": 9090}]
    assert agent["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "health"}
    readiness = agent["readinessProbe"]
    assert readiness["httpGet"] == {"path": "/readyz", "port": "health"}
    # Ready within 2 s of being so, and not otherwise for less than half a minute of silence.
    assert readiness["periodSeconds"] == 2
    assert readiness["periodSeconds"] * readiness["failureThreshold"] == 30
    # The kubelet asks from outside the pod.
    assert settings_of(pod).health_host == "0.0.0.0"
    assert settings_of(pod).health_port == 9090


def test_a_runtime_that_its_agent_calls_broken_is_started_anew(pod: dict[str, Any]) -> None:
    probe = container(pod, "runtime")["livenessProbe"]
    # The kubelet asks the pod's address: the port is the agent's, whichever container is probed.
    assert probe["httpGet"] == {"path": "/healthz", "port": settings_of(pod).health_port}
    assert probe["periodSeconds"] * probe["failureThreshold"] == 60


def test_a_runtime_that_starts_anew_is_not_dead(pod: dict[str, Any]) -> None:
    startup = container(pod, "runtime")["startupProbe"]
    limit = startup["periodSeconds"] * startup["failureThreshold"]
    assert settings_of(pod).runtime_dead_seconds > limit


MARK = "karpenter.sh/do-not-disrupt"


def _annotations(manifests: list[Manifest]) -> dict[str, str]:
    found: dict[str, str] = of_kind(manifests, "Deployment")["spec"]["template"]["metadata"][
        "annotations"
    ]
    return found


def test_nothing_keeps_sigterm_from_a_pod_whose_node_goes(
    helm: Helm, examples: dict[str, Values]
) -> None:
    for kind, values in examples.items():
        manifests = helm.render(values)
        assert MARK not in _annotations(manifests), kind
        assert [one for one in manifests if one["kind"] == "PodDisruptionBudget"] == [], kind


def test_whoever_wants_the_mark_gets_it(helm: Helm, sdwebui: Values) -> None:
    marked = helm.render(overlay(sdwebui, at("pod.doNotDisrupt", value=True)))
    assert _annotations(marked)[MARK] == "true"


def test_a_budget_that_is_asked_for_refuses_no_eviction(helm: Helm, sdwebui: Values) -> None:
    manifests = helm.render(overlay(sdwebui, at("podDisruptionBudget.enabled", value=True)))
    spec = of_kind(manifests, "PodDisruptionBudget")["spec"]
    # Of what is healthy all may go, and what is not healthy may always.
    assert spec["maxUnavailable"] == "100%"
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_agent_can_do_nothing_but_its_work(pod: dict[str, Any]) -> None:
    context = container(pod, "queue-agent")["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == 65532
    assert context["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    for one in [*pod["initContainers"], *pod["containers"]]:
        assert one["securityContext"]["allowPrivilegeEscalation"] is False
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert one["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_every_volume_on_a_node_is_bounded(pod: dict[str, Any]) -> None:
    empty = [one["emptyDir"] for one in pod["volumes"] if "emptyDir" in one]
    assert empty
    assert all("sizeLimit" in one for one in empty)


def test_nobody_gets_in_and_the_nodes_role_is_out_of_reach(manifests: list[Manifest]) -> None:
    spec = of_kind(manifests, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == []
    blocks = [
        peer["ipBlock"] for rule in spec["egress"] for peer in rule["to"] if "ipBlock" in peer
    ]
    everywhere = [block for block in blocks if block["cidr"] == "0.0.0.0/0"]
    assert everywhere
    assert all({"169.254.0.0/16", "10.0.0.0/8"} <= set(block["except"]) for block in everywhere)
    assert "169.254.169.254/32" not in {block["cidr"] for block in blocks}


def test_one_address_family_unless_another_is_asked_for(
    helm: Helm, sdwebui: Values, manifests: list[Manifest]
) -> None:
    def networks(manifests: list[Manifest]) -> set[str]:
        rules = of_kind(manifests, "NetworkPolicy")["spec"]["egress"]
        blocks = [peer["ipBlock"] for rule in rules for peer in rule["to"] if "ipBlock" in peer]
        return {net for one in blocks for net in (one["cidr"], *one.get("except", []))}

    assert [net for net in networks(manifests) if ":" in net] == []
    both = networks(helm.render(overlay(sdwebui, at("networkPolicy.ipv6", value=True))))
    assert both - networks(manifests) == {"fd00:ec2::23/128", "::/0", "fc00::/7", "fe80::/10"}


def test_the_runtime_opens_for_whom_it_is_opened(helm: Helm, examples: dict[str, Values]) -> None:
    (rule,) = of_kind(helm.render(examples["custom"]), "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app": "gallery"}}}]
    assert rule["ports"] == [{"port": 1234, "protocol": "TCP"}]
