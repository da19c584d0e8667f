"""What the instance is told to do, through Systems Manager.

Its agent runs in Bottlerocket's control container; from there `apiclient exec` enters the admin
container, and `sheltie` the host (the way of aws-samples/bottlerocket-images-cache). Images are
pulled by `host-ctr`, Bottlerocket's own tool, which signs in to ECR by the instance's role: no
password is in a command, a log, user data, or the arguments of a process.
https://github.com/bottlerocket-os/bottlerocket-core-kit/tree/develop/sources/host-ctr
"""

import re
import shlex
from dataclasses import dataclass

from easel_snapshot.caller import Caller
from easel_snapshot.errors import SnapshotError
from easel_snapshot.image_reference import ImageReference

USER_DATA = """\
[settings.host-containers.admin]
enabled = true

[settings.host-containers.control]
enabled = true
"""
"""TOML. Without user data of its own the admin container starts no SSH, and so makes no host key
that every node made from the snapshot would share."""

_SOCKET = "/run/containerd/containerd.sock"
_NAMESPACE = "k8s.io"
_MANAGED = "io.cri-containerd.image=managed"
"""The label by which the kubelet's side of containerd knows its images."""

_ADMIN_TRIES = 60
_CHECKED = re.compile(
    r"(?P<reference>\S+)\s+\S+\s+(?P<digest>sha256:[0-9a-f]{64})\s+(?P<status>\w+)\s+"
    r"\((?P<present>\d+)/(?P<required>\d+)\)\s.*\b(?P<unpacked>true|false)\s*"
)


@dataclass(frozen=True)
class CheckedImage:
    """An image as containerd on the instance has it.

    Attributes:
        digest: of what its name leads to.
        complete: every part of the instance's platform is there.
        unpacked: a container can start at once.
    """

    digest: str
    complete: bool
    unpacked: bool


def prepare(switch_off_seconds: int) -> str:
    """Returns the script that makes the host ready.

    The kubelet is stopped, for it might delete images that no pod uses. The instance switches
    itself off after a while, and so (its shutdown behaviour is "terminate") ends, should nobody be
    left to end it.

    Args:
        switch_off_seconds: until then.
    """
    wait = (
        f"n=0; until apiclient exec admin true; do n=$((n+1)); [ $n -lt {_ADMIN_TRIES} ] "
        "|| { echo 'the admin container did not start' >&2; exit 1; }; sleep 5; done"
    )
    return "\n".join(
        (
            "set -eu",
            wait,
            _on_host("systemd-run", f"--on-active={switch_off_seconds}", "systemctl", "poweroff"),
            f"{_on_host('systemctl', 'stop', 'kubelet')} || true",
        )
    )


def pull(image: ImageReference, caller: Caller) -> str:
    """Returns the script that pulls an image into what pods start from.

    Args:
        image: by the name that pods use.
        caller: for the partition.
    """
    source = str(image)
    host_ctr = _on_host(
        "host-ctr",
        f"--containerd-socket={_SOCKET}",
        f"--namespace={_NAMESPACE}",
        "pull-image",
        f"--source={source}",
        f"--label={_MANAGED}",
    )
    lines = ["set -eu", host_ctr, _ctr("images", "label", source, _MANAGED)]
    if registry := image.ecr:
        # host-ctr's second name for an image of ECR, which pods do not know.
        arn = f"arn:{caller.partition}:ecr:{registry.region}:{registry.account}"
        end = f"@{image.digest}" if image.digest else f":{image.tag}"
        second = f"ecr.aws/{arn}:repository/{image.repository}{end}"
        lines.append(f"{_ctr('images', 'rm', second)} || true")
    return "\n".join(lines)


def check(image: ImageReference) -> str:
    """Returns the script that shows what containerd has of an image."""
    return _ctr("images", "check", f'name=="{image}"')


def parse_check(image: ImageReference, output: str) -> CheckedImage:
    """Reads the output of `check`, a table of ctr (containerd's cmd/ctr/commands/images).

    Raises:
        SnapshotError: the image is not in it.
    """
    for line in output.splitlines():
        found = _CHECKED.fullmatch(line)
        if found and found["reference"] == str(image):
            complete = found["status"] == "complete" and found["present"] == found["required"]
            return CheckedImage(found["digest"], complete, found["unpacked"] == "true")
    raise SnapshotError(f"{image} is not on the instance, though its pull ended well")


def _ctr(*words: str) -> str:
    return _on_host("ctr", f"--address={_SOCKET}", f"--namespace={_NAMESPACE}", *words)


def _on_host(*words: str) -> str:
    return shlex.join(("apiclient", "exec", "admin", "sheltie", *words))
