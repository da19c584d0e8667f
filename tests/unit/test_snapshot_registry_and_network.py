"""Registries without an account, ways out of a subnet, and what the host answers."""

from typing import Any

import pytest
import requests
import responses

from easel_snapshot.caller import Caller
from easel_snapshot.errors import SnapshotError
from easel_snapshot.host_commands import USER_DATA, check, parse_check, prepare, pull
from easel_snapshot.image_reference import EcrRegistry, parse_image
from easel_snapshot.network import has_endpoints, way_out
from easel_snapshot.registry_source import RegistrySource
from easel_snapshot.role_policy import instance_policy

pytestmark = pytest.mark.unit

OWN = EcrRegistry("123456789012", "us-east-1")
PUBLIC = parse_image("public.ecr.aws/a/b:1", OWN)
URL = "https://public.ecr.aws/v2/a/b/manifests/1"
REALM = "https://public.ecr.aws/token/"
CHALLENGE = f'Bearer realm="{REALM}",service="public.ecr.aws",scope="repository:a/b:pull"'


@responses.activate
def test_a_public_registry_gives_a_token_for_the_asking() -> None:
    responses.get(URL, status=401, headers={"WWW-Authenticate": CHALLENGE})
    responses.get(REALM, json={"token": "t0ken"})
    responses.get(URL, body=b"{}", headers={"Content-Type": "application/json"})
    assert RegistrySource().manifest(PUBLIC, "1") == b"{}"
    asked = responses.calls[1].request
    assert asked.params == {"service": "public.ecr.aws", "scope": "repository:a/b:pull"}
    assert responses.calls[2].request.headers["Authorization"] == "Bearer t0ken"
    assert "Authorization" not in responses.calls[0].request.headers


@responses.activate
@pytest.mark.parametrize(
    "challenge", ['Basic realm="x"', 'Bearer realm="http://evil.example/"', "", "Bearer"]
)
def test_a_registry_with_a_password_or_a_strange_realm_is_refused(challenge: str) -> None:
    responses.get(URL, status=401, headers={"WWW-Authenticate": challenge})
    with pytest.raises(SnapshotError, match="wants a password"):
        RegistrySource().manifest(PUBLIC, "1")
    assert len(responses.calls) == 1


@responses.activate
def test_an_image_that_is_not_there_is_told() -> None:
    responses.get(URL, status=404)
    with pytest.raises(SnapshotError, match=r"no such image at public.ecr.aws"):
        RegistrySource().manifest(PUBLIC, "1")


@responses.activate
def test_a_registry_that_does_not_answer_is_told_without_its_words() -> None:
    responses.get(URL, body=requests.ConnectionError("https://user:secret@x"))
    with pytest.raises(SnapshotError, match="did not answer") as failed:
        RegistrySource().manifest(PUBLIC, "1")
    assert "secret" not in str(failed.value)


@responses.activate
def test_a_manifest_that_is_too_large_is_refused() -> None:
    responses.get(URL, body=b"x" * (4 * 1024 * 1024 + 1))
    with pytest.raises(SnapshotError, match="larger than a manifest"):
        RegistrySource().manifest(PUBLIC, "1")


@responses.activate
def test_only_this_machine_is_asked_in_plain_http() -> None:
    responses.get("http://localhost:5000/v2/a/manifests/1", body=b"{}")
    responses.get("https://registry-1.docker.io/v2/library/a/manifests/1", body=b"{}")
    source = RegistrySource()
    source.manifest(parse_image("localhost:5000/a:1", OWN), "1")
    source.manifest(parse_image("docker.io/a:1", OWN), "1")
    assert len(responses.calls) == 2


def table(*routes: dict[str, str], subnet: str | None = None) -> dict[str, Any]:
    association: dict[str, Any] = {"SubnetId": subnet} if subnet else {"Main": True}
    return {"Associations": [association], "Routes": list(routes)}


def route(state: str = "active", **target: str) -> dict[str, str]:
    return {"DestinationCidrBlock": "0.0.0.0/0", "State": state, **target}


@pytest.mark.parametrize(
    ("tables", "way"),
    [
        ([table(route(GatewayId="igw-1"))], "internet"),
        ([table(route(NatGatewayId="nat-1"))], "private"),
        ([table(route(TransitGatewayId="tgw-1"))], "private"),
        ([table(route(GatewayId="vgw-1"))], "private"),
        ([table(route("blackhole", NatGatewayId="nat-1"))], None),
        ([table()], None),
        ([], None),
        ([table({"DestinationCidrBlock": "10.0.0.0/8", "GatewayId": "igw-1"})], None),
        # The subnet's own table counts, and not the main one.
        ([table(route(GatewayId="igw-1")), table(subnet="subnet-1")], None),
        ([table(), table(route(GatewayId="igw-1"), subnet="subnet-1")], "internet"),
        ([table(), table(route(GatewayId="igw-1"), subnet="subnet-2")], None),
    ],
)
def test_the_way_out_is_that_of_the_subnets_table(
    tables: list[dict[str, Any]], way: str | None
) -> None:
    assert way_out("subnet-1", tables) == way


@pytest.mark.parametrize("prefix", ["com.amazonaws", "cn.com.amazonaws"])
def test_endpoints_are_enough_only_all_together(prefix: str) -> None:
    names = ("ssm", "ssmmessages", "ecr.api", "ecr.dkr", "s3")
    endpoints = [
        {"ServiceName": f"{prefix}.cn-north-1.{name}", "State": "available"} for name in names
    ]
    assert has_endpoints("cn-north-1", endpoints)
    assert not has_endpoints("cn-north-1", endpoints[1:])
    assert not has_endpoints("cn-north-1", [*endpoints[1:], {**endpoints[0], "State": "pending"}])


def caller(partition: str, region: str) -> Caller:
    return Caller(f"arn:{partition}:iam::123456789012:user/x", "123456789012", partition, region)


def test_an_image_is_pulled_by_the_hosts_own_tool_and_no_password() -> None:
    china = caller("aws-cn", "cn-northwest-1")
    image = parse_image("easel/sd-webui:1", china.registry)
    script = pull(image, china)
    assert "host-ctr --containerd-socket=/run/containerd/containerd.sock" in script
    assert f"--source={image}" in script
    assert (
        "images rm ecr.aws/arn:aws-cn:ecr:cn-northwest-1:123456789012:repository/easel/sd-webui:1"
        in script
    )
    for word in ("--user", "-u ", "password", "AWS:"):
        assert word not in script
    assert "ecr.aws/arn" not in pull(PUBLIC, china)


def test_a_host_that_nobody_ends_ends_itself() -> None:
    assert "systemd-run --on-active=5400 systemctl poweroff" in prepare(5400)


def test_user_data_holds_no_key_and_starts_no_ssh() -> None:
    assert "user-data" not in USER_DATA
    assert "ssh" not in USER_DATA


LINE = "{} application/vnd.oci.image.index.v1+json {} {} ({}/{}) 2.1 GiB/2.1 GiB {} "
DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("status", "present", "unpacked", "complete"),
    [("complete", 4, True, True), ("incomplete", 3, True, False), ("complete", 3, True, False)],
)
def test_the_hosts_table_is_read(status: str, present: int, unpacked: bool, complete: bool) -> None:
    line = LINE.format(PUBLIC, DIGEST, status, present, 4, str(unpacked).lower())
    found = parse_check(PUBLIC, f"REF TYPE DIGEST STATUS SIZE UNPACKED\n{line}\n")
    assert (found.digest, found.complete, found.unpacked) == (DIGEST, complete, unpacked)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "REF TYPE DIGEST STATUS SIZE UNPACKED\n",
        LINE.format("public.ecr.aws/a/b:12", DIGEST, "complete", 4, 4, "true"),
        LINE.format(PUBLIC, "sha256:ab", "complete", 4, 4, "true"),
        LINE.format(PUBLIC, DIGEST, "complete", 4, 4, "maybe"),
        f"{PUBLIC} unavailable (0/?) 0/? false",
    ],
)
def test_a_table_that_does_not_tell_is_no_pass(output: str) -> None:
    with pytest.raises(SnapshotError, match="is not on the instance"):
        parse_check(PUBLIC, output)


def test_a_name_is_one_word_of_the_script() -> None:
    assert check(PUBLIC).endswith("""images check 'name=="public.ecr.aws/a/b:1"'""")


def test_the_role_pulls_only_what_the_build_needs() -> None:
    china = caller("aws-cn", "cn-northwest-1")
    images = [parse_image("easel/sd-webui:1", china.registry), PUBLIC]
    statements = {one["Sid"]: one for one in instance_policy(china, images)["Statement"]}
    assert statements["PullTheseImages"]["Resource"] == [
        "arn:aws-cn:ecr:*:*:repository/bottlerocket-admin",
        "arn:aws-cn:ecr:*:*:repository/bottlerocket-control",
        "arn:aws-cn:ecr:cn-northwest-1:123456789012:repository/easel/sd-webui",
    ]
    assert not [one for one in statements["TakeCommands"]["Action"] if "GetParameter" in one]
    assert statements["SignInToRegistries"]["Action"] == "ecr:GetAuthorizationToken"
