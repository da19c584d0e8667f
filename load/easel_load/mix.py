"""Which tasks a load consists of: requests with weights."""

import copy
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easel_cli.request_building import RequestError
from easel_cli.target import Target
from easel_cli.verification_requests import checkpoint_of, first_request
from easel_contract.task import TaskType

_MAX_SEED = 2**32
_MAX_WEIGHT = 1000


@dataclass(frozen=True)
class Share:
    """One kind of request in a mix.

    Attributes:
        runtime: name of the runtime that gets it.
        tasktype: what it asks for.
        content: of the task.
        weight: how often it comes, beside the weights of the others.
    """

    runtime: str
    tasktype: TaskType
    content: Mapping[str, Any]
    weight: int = 1


def default_mix(target: Target, runtimes: Sequence[str]) -> list[Share]:
    """Returns the first request of a verification for each runtime, all equally often.

    Args:
        target: the stack.
        runtimes: names of its runtimes; none: all.

    Raises:
        easel_cli.request_building.RequestError: a name is no runtime of the stack's.
    """
    unknown = [name for name in runtimes if name not in target.runtimes]
    if unknown or not target.runtimes:
        there = ", ".join(target.runtimes) or "no runtime"
        raise RequestError(f"--runtime {', '.join(unknown) or '(all)'}: the stack has {there}.")
    checkpoint = checkpoint_of(target)
    return [
        Share(name, *first_request(target.runtimes[name].type, checkpoint))
        for name in runtimes or target.runtimes
    ]


def mix_of_files(texts: Sequence[str], target: Target) -> list[Share]:
    """Reads requests of v1alpha2 from files.

    Args:
        texts: each `FILE`, or `FILE=WEIGHT` with a whole number.
        target: the stack.

    Raises:
        easel_cli.request_building.RequestError: what is wrong with any of them.
    """
    shares, problems = [], []
    for text in texts:
        try:
            shares.append(_share(text, target))
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"--request {text}: {_reason(error)}")
    if problems:
        raise RequestError("\n".join(problems))
    return shares


def body_of(share: Share, prefix: str, deadline_seconds: int) -> dict[str, Any]:
    """Returns the body of one request, which no cache can answer: id and seed are its own.

    Args:
        share: of the mix.
        prefix: folder in the output bucket.
        deadline_seconds: after which the stack gives the task up.
    """
    content = copy.deepcopy(dict(share.content))
    for owner in _owners_of_seeds(share.tasktype, content):
        owner["seed"] = secrets.randbelow(_MAX_SEED)
    metadata = {
        "id": f"load-{secrets.token_hex(6)}",
        "runtime": share.runtime,
        "tasktype": share.tasktype,
        "prefix": prefix,
        "deadline_seconds": deadline_seconds,
    }
    return {"task": {"metadata": metadata, "content": content}}


def _owners_of_seeds(tasktype: TaskType, content: dict[str, Any]) -> list[dict[str, Any]]:
    if tasktype is not TaskType.PIPELINE:
        generates = tasktype in (TaskType.TEXT_TO_IMAGE, TaskType.IMAGE_TO_IMAGE)
        return [content] if generates else []
    nodes = content.get("prompt", content)
    inputs = [node.get("inputs") for node in nodes.values() if isinstance(node, dict)]
    return [one for one in inputs if isinstance(one, dict) and isinstance(one.get("seed"), int)]


def _share(text: str, target: Target) -> Share:
    name, _, weight = text.rpartition("=")
    if not name:
        name, weight = text, "1"
    if not (weight.isascii() and weight.isdecimal() and 1 <= int(weight[:9]) <= _MAX_WEIGHT):
        raise ValueError(f"the weight is to be a whole number from 1 to {_MAX_WEIGHT}")
    task = json.loads(Path(name).read_text())["task"]
    metadata = task["metadata"]
    if metadata["runtime"] not in target.runtimes:
        there = ", ".join(target.runtimes) or "none"
        raise ValueError(f"its runtime {metadata['runtime']!r} is none of the stack's: {there}")
    return Share(metadata["runtime"], TaskType(metadata["tasktype"]), task["content"], int(weight))


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"is no request of v1alpha2: it has no {error.args[0]!r}"
    if isinstance(error, TypeError):
        return "is no request of v1alpha2"
    return str(getattr(error, "strerror", None) or error)
