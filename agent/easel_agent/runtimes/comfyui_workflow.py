"""Workflows in ComfyUI's API format: `{node_id: {"class_type", "inputs"}}`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from easel_agent.errors import RejectedTaskError
from easel_agent.urls import is_url
from easel_contract.errors import TaskErrorCode

_PREFIX_INPUT = "filename_prefix"

_KNOWN_FILE_INPUTS = {
    "LoadImage": "image",
    "LoadImageMask": "image",
    "LoadAudio": "audio",
    "LoadVideo": "file",
    "VHS_LoadVideo": "video",
    "VHS_LoadAudioUpload": "audio",
}
"""For a server that does not tell which inputs are uploaded files."""

Workflow = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class FileInput:
    """An input that takes the name of an uploaded file, and holds a URL.

    Attributes:
        node_id: the node's in the workflow.
        input_name: of the input in that node.
        value: the URL.
    """

    node_id: str
    input_name: str
    value: str


def check_workflow(content: Mapping[str, Any]) -> Workflow:
    """Returns a task's content as a workflow.

    Raises:
        RejectedTaskError: it is none in API format; the message says what to do.
    """
    if isinstance(content.get("nodes"), list):
        raise _no_workflow("is a workflow as the editor saves it")
    if not content:
        raise _no_workflow("has no nodes")
    for node_id, node in content.items():
        if not isinstance(node, dict):
            raise _no_workflow(f"is no mapping of nodes: {node_id!r:.80} is no object")
        if not isinstance(node.get("class_type"), str):
            raise _no_workflow(f"is no mapping of nodes: {node_id!r:.80} has no class_type")
        if not isinstance(node.get("inputs"), dict):
            raise _no_workflow(f"has a node {node_id!r:.80} without inputs")
    return dict(content)


def _no_workflow(problem: str) -> RejectedTaskError:
    return RejectedTaskError(
        TaskErrorCode.INVALID_TASK,
        f'content {problem}; send the workflow that ComfyUI saves with "Save (API Format)"',
    )


def with_nonce(workflow: Workflow, nonce: str) -> Workflow:
    """Makes the names of a workflow's files its own.

    Without it a repeat may list a file of before, which may be gone, and after a restart, when
    ComfyUI counts from 1 again, another task's.

    Args:
        workflow: stays as it is.
        nonce: goes before the last part of every `filename_prefix`, behind its subfolders.
    """
    marked = {}
    for node_id, node in workflow.items():
        prefix = node["inputs"].get(_PREFIX_INPUT)
        if isinstance(prefix, str):
            folder, slash, name = prefix.rpartition("/")
            inputs = {**node["inputs"], _PREFIX_INPUT: f"{folder}{slash}{nonce}_{name}"}
            marked[node_id] = {**node, "inputs": inputs}
        else:
            marked[node_id] = node
    return marked


def file_inputs(
    workflow: Workflow, object_info: Callable[[str], Mapping[str, Any]]
) -> Iterator[FileInput]:
    """Finds the inputs that hold a URL where an uploaded file's name belongs.

    A URL elsewhere, in a prompt for one, is no file's.

    Args:
        workflow: in API format.
        object_info: the declaration of a node class by its name, empty where it is unknown;
            asked once for each class with a URL.
    """
    uploads: dict[str, set[str]] = {}
    for node_id, node in workflow.items():
        class_type = node["class_type"]
        for name, value in node["inputs"].items():
            if not is_url(value):
                continue
            if class_type not in uploads:
                uploads[class_type] = _upload_names(class_type, object_info(class_type))
            if name in uploads[class_type]:
                yield FileInput(node_id, name, value)


def _upload_names(class_type: str, info: Mapping[str, Any]) -> set[str]:
    groups = info.get("input")
    if not isinstance(groups, dict):
        known = _KNOWN_FILE_INPUTS.get(class_type)
        return set() if known is None else {known}
    return {
        name
        for group in (groups.get("required"), groups.get("optional"))
        if isinstance(group, dict)
        for name, declaration in group.items()
        if _is_upload(declaration)
    }


def _is_upload(declaration: object) -> bool:
    # [type, options], with image_upload, video_upload, audio_upload and the like among the options
    if not isinstance(declaration, list) or len(declaration) < 2:  # noqa: PLR2004 - as said
        return False
    options = declaration[1]
    return isinstance(options, dict) and any(
        flag == "upload" or flag.endswith("_upload")
        for flag, value in options.items()
        if value is True
    )


def with_inputs(workflow: Workflow, names: Mapping[FileInput, str]) -> Workflow:
    """Puts the names of uploaded files in the place of URLs; `workflow` stays as it is."""
    changed = dict(workflow)
    for file_input, name in names.items():
        node = changed[file_input.node_id]
        inputs = {**node["inputs"], file_input.input_name: name}
        changed[file_input.node_id] = {**node, "inputs": inputs}
    return changed
