"""Destroys a stack, but for the pictures.

`python -m easel_cli.environments.destroy envs/us-east-1` is what `make destroy` runs.
"""

import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from easel_cli.environments.kept_outputs import Kept, kept_by_destroy
from easel_cli.environments.root_module import RootModule, TerraformError

_AUTO_APPROVE = "-auto-approve"
_REFUSED = 3


def destroy(root: RootModule, options: list[str]) -> int:
    """Destroys what Terraform has made, after a question; says what it kept and why.

    Args:
        root: the environment.
        options: further arguments of `terraform destroy`; -auto-approve leaves the question out.

    Returns:
        0, or 3 where the answer was no.

    Raises:
        TerraformError: Terraform failed.
        botocore.exceptions.ClientError: the output bucket cannot be read.
    """
    stack = root.evaluate("{ name = var.name, region = var.region }")
    name, region = stack["name"], stack["region"]
    count = len(root.resources())
    # There is none before the first apply, or after half of a destroy.
    bucket = root.outputs().get("model_bucket")
    models = f"s3://{bucket}" if bucket else "the model bucket"
    kept = kept_by_destroy(root, region)
    sys.stdout.write(
        f"easel: this destroys stack {name} in {region}: {count} resources in Terraform's state, "
        "and all nodes of its cluster.\n"
    )
    if _AUTO_APPROVE not in options and not _agreed(name):
        sys.stdout.write("easel: nothing is destroyed.\n")
        return _REFUSED
    if kept and kept.addresses:
        root.run("state", "rm", *kept.addresses)
    plain = () if sys.stdout.isatty() else ("-no-color",)
    others = [one for one in options if one != _AUTO_APPROVE]
    root.run("destroy", *plain, *others, _AUTO_APPROVE)
    sys.stdout.write(_summary(name, region, models, kept))
    return 0


def _agreed(name: str) -> bool:
    sys.stdout.write(f"Type its name, {name}, to go on: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip() == name


def _summary(name: str, region: str, models: str, kept: Kept | None) -> str:
    lines = [f"easel: stack {name} in {region} is destroyed. Kept:"]
    if kept:
        lines.append(f"  - {kept.explain(region)}")
    lines.append(f"  - {models}: the models are yours; the stack only read them.")
    lines.append("  - images in ECR and EBS snapshots: made by you, for the next stack, too.")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Runs the command.

    Returns:
        0 destroyed, 1 failed, 2 wrong usage, 3 not agreed to.
    """
    if not arguments or not (Path(arguments[0]) / "terraform.tfvars").is_file():
        sys.stderr.write(
            "usage: python -m easel_cli.environments.destroy envs/REGION [terraform options]\n"
        )
        return 2
    try:
        return destroy(RootModule(Path(arguments[0])), arguments[1:])
    except (TerraformError, ClientError, BotoCoreError) as error:
        sys.stderr.write(
            f"easel: {error}\n"
            "easel: not all is destroyed: mend what is named above and run the same again.\n"
        )
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
