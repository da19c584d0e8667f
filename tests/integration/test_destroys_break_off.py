"""Destroys that break off, and what the next destroy and the next apply make of it.

A small root module stands for a region's: the addresses and names are those of envs/us-east-1, the
resources that are kept are real ones, on the emulator.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from easel_deploy.environments.retained_log_role import ROLE
from easel_deploy.environments.retained_outputs import ALIAS, BUCKET, KEY
from easel_deploy.environments.root_module import RootModule, TerraformError
from easel_deploy.terraform_config import write_cli_config
from easel_local.credentials import StackCredentials
from easel_local.emulator import Emulator
from easel_local.paths import ROOT
from tests.provider_process import provider_process

pytestmark = pytest.mark.integration

SECONDS = 300
REGION = "us-east-1"
PICTURE = "outputs/t/t.png"
MARK = {"Key": "easel:kept", "Value": "true"}

MAIN = """
provider "aws" {
  region = var.region
  default_tags { tags = { Stack = var.name, ManagedBy = "easel" } }
}
variable "name" {}
variable "region" {}
variable "addons_left_out" { default = [] }
data "aws_caller_identity" "current" {}
module "api_fanout" {
  source     = "./api_fanout"
  name       = var.name
  region     = var.region
  account_id = data.aws_caller_identity.current.account_id
}
module "eks_karpenter" {
  source = "./eks_karpenter"
  name   = var.name
}
output "output_bucket" { value = module.api_fanout.output_bucket }
output "model_bucket" { value = "my-models" }
"""

API_FANOUT = """
variable "name" {}
variable "region" {}
variable "account_id" {}
resource "aws_s3_bucket" "output" {
  bucket     = "${var.name}-outputs-${var.account_id}-${var.region}"
  depends_on = [aws_kms_key.this]
}
resource "aws_s3_bucket_public_access_block" "output" {
  bucket              = aws_s3_bucket.output.id
  block_public_policy = true
}
resource "aws_kms_key" "this" {}
resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-tasks"
  target_key_id = aws_kms_key.this.key_id
}
resource "aws_iam_role" "api_logs" {
  name = "${var.name}-${var.region}-api-logs"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "apigateway.amazonaws.com" }
    }]
  })
}
resource "aws_iam_role_policy_attachment" "api_logs" {
  role       = aws_iam_role.api_logs.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}
resource "aws_api_gateway_account" "this" {
  cloudwatch_role_arn = aws_iam_role.api_logs.arn
  depends_on          = [aws_iam_role_policy_attachment.api_logs]
}
output "output_bucket" { value = aws_s3_bucket.output.id }
"""

EKS_KARPENTER = """
variable "name" {}
resource "aws_cloudwatch_log_group" "cluster" {
  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = 30
}
# Its destroy fails as long as there is a file "broken".
resource "terraform_data" "drain" {
  provisioner "local-exec" {
    when    = destroy
    command = "test ! -e ${path.root}/broken"
  }
  depends_on = [aws_cloudwatch_log_group.cluster]
}
"""


class SmallStack:
    """The root module, applied under a name of its own."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str]) -> None:
        self.name, self.folder, self.environment = name, folder, environment
        self.bucket = f"{name}-outputs-000000000000-{REGION}"
        for part, text in (
            ("", MAIN),
            ("api_fanout", API_FANOUT),
            ("eks_karpenter", EKS_KARPENTER),
        ):
            (folder / part).mkdir(parents=True, exist_ok=True)
            (folder / part / "main.tf").write_text(text)
        (folder / "terraform.tfvars").write_text(f'name = "{name}"\nregion = "{REGION}"\n')
        self.terraform("init", "-input=false")

    def terraform(self, *arguments: str, status: int = 0) -> str:
        return self._run(["terraform", f"-chdir={self.folder}", *arguments], status)

    def apply(self) -> None:
        """As `make apply` does it."""
        self.adopt()
        self.terraform("apply", "-auto-approve")

    def adopt(self, status: int = 0) -> str:
        program = [sys.executable, "-m", "easel_deploy.environments.adopt", str(self.folder)]
        return self._run(program, status)

    def destroy(self, status: int = 0) -> str:
        """As `make destroy` does it."""
        program = [sys.executable, "-m", "easel_deploy.environments.destroy", str(self.folder)]
        return self._run([*program, "-auto-approve"], status)

    def break_destroys(self, *, broken: bool) -> None:
        """Makes Terraform's destroy fail, or work again."""
        file = self.folder / "broken"
        file.touch() if broken else file.unlink()

    def resources(self) -> set[str]:
        """What the state manages."""
        if not self.terraform("state", "pull").strip():
            return set()
        found = self.terraform("state", "list").split()
        return {one for one in found if "data." not in one}

    def change(self) -> str:
        """The plan; empty where there is nothing to change."""
        arguments = ["plan", "-detailed-exitcode"]
        answer = self._answer(["terraform", f"-chdir={self.folder}", *arguments])
        return "" if answer.returncode == 0 else answer.stdout + answer.stderr

    def client(self, service: str) -> Any:
        connect: Any = boto3.client
        url = self.environment["AWS_ENDPOINT_URL"]
        file = Path(self.environment["AWS_SHARED_CREDENTIALS_FILE"])
        keys = StackCredentials.read(file).keywords()
        return connect(service, endpoint_url=url, region_name=REGION, **keys)

    def draw(self) -> None:
        self.client("s3").put_object(Bucket=self.bucket, Key=PICTURE, Body=b"png")

    def key_id(self) -> str:
        """Of the key that has the alias."""
        described = self.client("kms").describe_key(KeyId=f"alias/{self.name}-tasks")
        return str(described["KeyMetadata"]["KeyId"])

    def bucket_tags(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.client("s3").get_bucket_tagging(Bucket=self.bucket)[
            "TagSet"
        ]
        return found

    def _run(self, command: list[str], status: int) -> str:
        answer = self._answer(command)
        assert answer.returncode == status, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr

    def _answer(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        plain = {"TF_CLI_ARGS": "-no-color"} if command[1:2] == ["plan"] else {}
        return subprocess.run(
            command,
            env=self.environment | plain,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of programs that see an emulator of this module's own: the log role is the account's."""
    home = tmp_path_factory.mktemp("emulator")
    with Emulator(log_path=home / "emulator.log") as emulator:
        seen = emulator.environment() | {
            "PATH": os.environ["PATH"],
            "GOGC": os.environ["GOGC"],
            "TF_CLI_CONFIG_FILE": str(write_cli_config(home / "cli")),
            "HOME": str(home),
        }
        with provider_process(home / "provider", seen) as environment:
            yield environment


def test_what_a_broken_off_destroy_has_kept_comes_back_as_it_was(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    stack = SmallStack("kept", tmp_path, environment)
    stack.apply()
    stack.draw()
    before, tags = stack.resources(), stack.bucket_tags()
    key = stack.key_id()

    stack.break_destroys(broken=True)
    stack.destroy(status=1)
    assert not {BUCKET, KEY, ALIAS, ROLE} & stack.resources()
    stack.break_destroys(broken=False)
    said = stack.destroy()
    assert f"s3://{stack.bucket}: it holds pictures" in said
    assert key in said
    assert stack.resources() == set()
    assert MARK in stack.bucket_tags()
    setting = stack.client("apigateway").get_account()["cloudwatchRoleArn"]
    role = stack.client("iam").get_role(RoleName=f"kept-{REGION}-api-logs")["Role"]
    assert role["Arn"] == setting

    # The control plane's last lines.
    stack.client("logs").create_log_group(logGroupName="/aws/eks/kept/cluster")
    stack.apply()
    assert stack.resources() == before
    assert stack.change() == ""
    assert stack.bucket_tags() == tags
    assert stack.key_id() == key
    (group,) = stack.client("logs").describe_log_groups(logGroupNamePrefix="/aws/eks/kept/cluster")[
        "logGroups"
    ]
    assert group["retentionInDays"] == 30


def test_a_destroy_that_terraform_broke_off_is_finished_with_the_pictures_kept(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    stack = SmallStack("plain", tmp_path / "with-state", environment)
    stack.apply()
    stack.draw()
    tags, key = stack.bucket_tags(), stack.key_id()

    clone = SmallStack("plain", tmp_path / "clone", environment)
    assert "backend.tf" in clone.destroy(status=1)
    assert "backend.tf" in clone.adopt(status=1)
    assert clone.resources() == set()
    assert stack.bucket_tags() == tags

    assert "BucketNotEmpty" in stack.terraform("destroy", "-auto-approve", status=1)
    assert json.loads(stack.terraform("output", "-json")) == {}
    assert BUCKET in stack.resources()
    said = stack.destroy()
    assert f"s3://{stack.bucket}: it holds pictures" in said
    assert stack.resources() == set()
    assert stack.client("s3").get_object(Bucket=stack.bucket, Key=PICTURE)["Body"].read() == b"png"

    # Terraform had deleted its alias. Now the key is given up, and its alias is not.
    assert stack.key_id() == key
    stack.client("kms").schedule_key_deletion(KeyId=key)
    stack.apply()
    assert stack.key_id() != key
    assert stack.change() == ""


def test_variables_are_read_though_something_else_cannot_be_evaluated(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'variable "name" { default = "easel" }\n'
        'locals { gone = tolist([])[0] }\noutput "gone" { value = local.gone }\n'
    )
    root = RootModule(tmp_path)
    assert root.evaluate("var.name") == "easel"
    with pytest.raises(TerraformError, match="cannot say"):
        root.evaluate("local.gone")
