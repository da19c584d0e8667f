"""Both regions' environments, destroyed: in which order, and what is left.

us-east-1 goes as `make destroy` does it, with pictures in its bucket; cn-northwest-1 goes by plain
`terraform destroy`, its bucket emptied before.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from easel_deploy.environments.log_groups import CONTROL_PLANE
from easel_deploy.environments.retained_log_role import ROLE
from easel_deploy.environments.retained_outputs import ALIAS, BUCKET, KEY
from easel_local.paths import ROOT
from tests.integration.applied_estate import NAME, NAMESPACE, AppliedEstate
from tests.integration.deployer_policy import NOT_CALLED_HERE, not_called, refused
from tests.integration.inventory import added, inventory

pytestmark = pytest.mark.integration

KEEPS_PICTURES = "us-east-1"
DESTROY_SECONDS = 500
CLAIM = "kubernetes.io/created-for/pvc/name"
FINALIZER = "karpenter.sh/termination"
PICTURE = "out/kept/picture.png"

NODE_POOLS = "apis/karpenter.sh/v1/nodepools"
NODE_CLAIMS = "apis/karpenter.sh/v1/nodeclaims"
NODE_CLASSES = "apis/karpenter.k8s.aws/v1/ec2nodeclasses"

Destroyed = dict[str, str]


def make_node(estate: AppliedEstate) -> None:
    """What Karpenter would have made for a pod, and what it might forget."""
    for path, kind in (
        (NODE_POOLS, "NodePool"),
        (NODE_CLAIMS, "NodeClaim"),
        (NODE_CLASSES, "EC2NodeClass"),
    ):
        estate.services.kubernetes.call(
            "POST",
            path,
            {
                "apiVersion": path.removeprefix("apis/").rpartition("/")[0],
                "kind": kind,
                "metadata": {"name": "left", "finalizers": [FINALIZER]},
                "spec": {},
            },
        )
    for cluster in (NAME, "of-others"):
        make_instance(estate, cluster)


def make_instance(estate: AppliedEstate, cluster: str) -> None:
    ec2 = estate.client("ec2")
    pairs = {f"kubernetes.io/cluster/{cluster}": "owned", "karpenter.sh/nodepool": "left"}
    tags = [{"Key": key, "Value": value} for key, value in pairs.items()]
    ec2.run_instances(
        ImageId="ami-12345678",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    ec2.create_launch_template(
        LaunchTemplateName=f"karpenter.k8s.aws/{cluster}",
        LaunchTemplateData={"ImageId": "ami-12345678"},
        TagSpecifications=[
            {
                "ResourceType": "launch-template",
                "Tags": [*tags, {"Key": "karpenter.k8s.aws/cluster", "Value": cluster}],
            }
        ],
    )
    # One that Karpenter made with its node, and one that a pod's claim made.
    for of_volume in (tags, [tags[0], {"Key": CLAIM, "Value": "scratch"}]):
        ec2.create_volume(
            AvailabilityZone=f"{estate.region}a",
            Size=1,
            TagSpecifications=[{"ResourceType": "volume", "Tags": of_volume}],
        )


@contextmanager
def karpenter(estate: AppliedEstate) -> Iterator[None]:
    """Ends what is being deleted, as long as Karpenter's Deployment is there."""
    stop = threading.Event()
    thread = threading.Thread(target=end_nodes, args=(estate, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def end_nodes(estate: AppliedEstate, stop: threading.Event) -> None:
    api = estate.services.kubernetes
    while not stop.wait(0.3):
        try:
            api.call("GET", "apis/apps/v1/namespaces/kube-system/deployments/karpenter")
            # NodeClaims first: a NodePool waits for them.
            for path in (NODE_CLAIMS, NODE_POOLS, NODE_CLASSES):
                for one in api.items(path):
                    if "deletionTimestamp" in one["metadata"]:
                        name = one["metadata"]["name"]
                        api.call("PATCH", f"{path}/{name}", {"metadata": {"finalizers": []}})
        except requests.HTTPError:
            continue  # uninstalled, or gone between two calls


def destroy(estate: AppliedEstate) -> str:
    make_node(estate)
    bucket, s3 = estate.values["output_bucket"], estate.client("s3")
    s3.put_object(Bucket=bucket, Key=PICTURE, Body=b"png")
    with karpenter(estate):
        if estate.region == KEEPS_PICTURES:
            return make_destroy(estate.module.folder, estate.environment)
        empty(s3, bucket)
        return estate.module.destroy()


def make_destroy(folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "easel_deploy.environments.destroy",
            str(folder),
            "-auto-approve",
            "-no-color",
        ],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=DESTROY_SECONDS,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def empty(s3: Any, bucket: str) -> None:
    found = s3.list_object_versions(Bucket=bucket)
    for one in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


@pytest.fixture(scope="module")
def destroyed(estates: dict[str, AppliedEstate]) -> Destroyed:
    """What the destroys said. Whoever needs this comes last."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(estates, pool.map(destroy, estates.values()), strict=True))


def test_the_state_is_empty(estate: AppliedEstate, destroyed: Destroyed) -> None:
    assert destroyed[estate.region]
    assert estate.module.resources() == []


def test_nothing_is_left_but_the_kept(estate: AppliedEstate, destroyed: Destroyed) -> None:
    assert destroyed[estate.region]
    left = added(estate.before, inventory(estate.client))
    # Of another cluster: an instance with its root volume, a template and two volumes; and the
    # volume that a pod of ours made.
    others = {"instance": 1, "launch template": 1, "volume": 4}
    assert {kind: len(left.pop(kind, set())) for kind in others} == others
    if estate.region == KEEPS_PICTURES:
        assert left.pop("role") == {f"{NAME}-{estate.region}-api-logs"}
        assert left.pop("bucket") == {estate.values["output_bucket"]}
        assert left.pop("key alias") == {f"alias/{NAME}-tasks"}
        assert len(left.pop("key")) == 1
    assert left == {}


def test_what_others_tagged_for_their_clusters_is_still_there(
    estate: AppliedEstate, destroyed: Destroyed
) -> None:
    assert destroyed[estate.region]
    ec2 = estate.client("ec2")
    (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
    assert template["LaunchTemplateName"] == "karpenter.k8s.aws/of-others"
    tag = {"Name": "tag-key", "Values": ["kubernetes.io/cluster/of-others"]}
    running = [
        one["State"]["Name"]
        for reservation in ec2.describe_instances(Filters=[tag])["Reservations"]
        for one in reservation["Instances"]
    ]
    assert running == ["running"]


def test_the_kept_pictures_can_still_be_read(
    estates: dict[str, AppliedEstate], destroyed: Destroyed
) -> None:
    estate = estates[KEEPS_PICTURES]
    bucket = estate.values["output_bucket"]
    stored = estate.client("s3").get_object(Bucket=bucket, Key=PICTURE)
    assert stored["Body"].read() == b"png"
    assert f"s3://{bucket}" in destroyed[KEEPS_PICTURES]


def test_the_kept_volume_of_a_pod_is_named(
    estates: dict[str, AppliedEstate], destroyed: Destroyed
) -> None:
    tags = [{"Name": f"tag:kubernetes.io/cluster/{NAME}", "Values": ["owned"]}]
    (volume,) = estates[KEEPS_PICTURES].client("ec2").describe_volumes(Filters=tags)["Volumes"]
    summary = destroyed[KEEPS_PICTURES].partition("is destroyed. Kept:")[2]
    assert volume["VolumeId"] in summary


def test_other_apis_of_the_account_go_on_logging(
    estates: dict[str, AppliedEstate], destroyed: Destroyed
) -> None:
    assert destroyed[KEEPS_PICTURES]
    estate = estates[KEEPS_PICTURES]
    role = f"{NAME}-{KEEPS_PICTURES}-api-logs"
    kept = estate.client("iam").get_role(RoleName=role)["Role"]
    assert estate.client("apigateway").get_account()["cloudwatchRoleArn"] == kept["Arn"]
    (policy,) = estate.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert policy["PolicyName"] == "AmazonAPIGatewayPushToCloudWatchLogs"


def test_it_was_drained_in_order(estate: AppliedEstate, destroyed: Destroyed) -> None:
    assert destroyed[estate.region]
    calls = estate.services.kubernetes.calls()

    def when(request: str) -> int:
        (at,) = [number for number, call in enumerate(calls) if call.startswith(request)][:1]
        return at

    runtimes = [
        when(f"DELETE /apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}")
        for name in ("sdruntime", "comfyui")
    ]
    pools, classes = when(f"DELETE /{NODE_POOLS}/left"), when(f"DELETE /{NODE_CLASSES}/left")
    controller = when("DELETE /apis/apps/v1/namespaces/kube-system/deployments/karpenter")
    definitions = when("DELETE /apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    scaler = when("DELETE /apis/apps/v1/namespaces/keda/deployments")
    assert max(runtimes) < scaler
    assert max(runtimes) < pools < classes < controller < definitions


def test_the_cluster_is_left_empty(estate: AppliedEstate, destroyed: Destroyed) -> None:
    assert destroyed[estate.region]
    assert estate.releases() == {}
    assert estate.kubernetes("apis/apps/v1/deployments")["items"] == []
    with pytest.raises(requests.HTTPError):
        estate.kubernetes(NODE_CLAIMS)


# Last: it puts the kept back into a state.
def test_the_next_apply_takes_over_what_was_kept(
    estates: dict[str, AppliedEstate], destroyed: Destroyed
) -> None:
    estate = estates[KEEPS_PICTURES]
    assert destroyed[KEEPS_PICTURES]
    folder, environment = estate.module.folder, estate.environment
    # EKS has written its last lines.
    returned = f"/aws/eks/{NAME}/cluster"
    estate.client("logs").create_log_group(logGroupName=returned)
    done = subprocess.run(
        [sys.executable, "-m", "easel_deploy.environments.adopt", str(folder)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=DESTROY_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert estate.values["output_bucket"] in done.stdout
    kept = {BUCKET, KEY, ALIAS, ROLE, CONTROL_PLANE}
    # An import reads data sources, too.
    assert {one for one in estate.module.resources() if "data." not in one} == kept
    _, text = estate.module.plan(target=sorted(kept))
    made_anew = re.findall(
        r"^  # (\S+) (?:will be created|will be destroyed|must be)", text, re.MULTILINE
    )
    # The stage's log group is named in the key's policy: what leads to it is planned, too.
    assert made_anew, text
    assert not kept & set(made_anew), text


# Behind all else: it asks about every call of the applies, destroys and takeovers before it.
def test_the_deployers_policy_allows_what_they_called_and_little_else(
    estates: dict[str, AppliedEstate], destroyed: Destroyed
) -> None:
    assert len(destroyed) == len(estates)
    calls = [call for estate in estates.values() for call in estate.deployers_calls()]
    actions = {call.action for call in calls}
    assert {"eks:CreateCluster", "eks:DeleteCluster", "lambda:InvokeFunction"} <= actions
    assert refused(calls) == []
    excepted = set().union(*NOT_CALLED_HERE.values())
    assert not_called(calls) - excepted == set()
