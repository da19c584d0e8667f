"""The sample requests of docs/samples, for the runtimes that a stack has."""

import json
from typing import Any

from easel_cli.target import Target
from easel_cli.verification_requests import SEED_CHECKPOINT, checkpoint_of
from easel_contract.task import RuntimeType, TaskType
from easel_packaging.openapi import SAMPLES

from .conftest import named

CAT = "https://huggingface.co/datasets/huggingface/documentation-images/resolve/main/diffusers/cat.png"
_DYNAMIC = "v1alpha2-model-switch"


def sample_of(sample: str, target: Target, picture: str) -> dict[str, Any]:
    """Returns a sample; skips the test where the stack has no runtime of its type.

    Args:
        sample: name of the file without its extension.
        target: the stack, whose runtimes and checkpoints take the place of the sample's.
        picture: address of the picture that takes the place of the sample's.
    """
    text = (SAMPLES / f"{sample}.json").read_text().replace(CAT, picture)
    checkpoint = checkpoint_of(target)
    body: dict[str, Any] = json.loads(text.replace(SEED_CHECKPOINT, checkpoint))
    is_workflow = "task" in body and body["task"]["metadata"]["tasktype"] == TaskType.PIPELINE
    kind = RuntimeType.COMFYUI if is_workflow else RuntimeType.SDWEBUI
    dynamic = sample == _DYNAMIC
    what = f"a {'dynamic ' if dynamic else ''}runtime of type {kind}, for {sample}"
    runtime = named(target, what, kind, dynamic=dynamic)
    if "task" in body:
        body["task"]["metadata"]["runtime"] = runtime
    return body
