"""Names of the files that a workflow saves: each task's own, and such that ComfyUI gives them out.

What ComfyUI does with a `filename_prefix` (folder_paths.py get_save_image_path): folders and a
last part, placeholders such as %year% in both, then its own ending. `/view` refuses names with
".." (server.py view_image), and a file system refuses names of more than 255 bytes.
"""

import re
from collections import Counter
from typing import Any

from easel_agent.runtimes.comfyui.workflow import Workflow

_PREFIX_INPUT = "filename_prefix"
NONCE_INPUT = "easel_nonce"
"""No node declares it: ComfyUI hands nodes only what they declare, but keys its cache by all inputs
that the workflow has (comfy_execution/caching.py, CacheKeySetInputSignature)."""
_MAX_NAME_BYTES = 255
"""NAME_MAX of Linux's file systems (limits.h)."""
_ENDING_BYTES = 40
"""For what is appended: "_00001_.png" (11 bytes), "_00001_.safetensors" (19), VideoHelperSuite's
"_00001-audio.webm" (17) and "_00001_%03d.png" (15); a counter above 99999, a longer extension of
a custom node, and what a writer appends while it writes (".part"). Placeholders become shorter:
%batch_num%, %width% and the parts of the time are replaced by fewer characters than they have."""
_DOTS = re.compile(r"\.{2,}")
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""aiohttp ends the connection over control characters in `/view`'s Content-Disposition, and halves
of characters, which JSON may hold, have no bytes in a file's name."""
_UNFINISHED_PLACEHOLDER = re.compile(r"%[^%]*\Z")


def with_nonce(workflow: Workflow, nonce: str) -> Workflow:
    """Makes the names of a workflow's files its own.

    Without it a repeat may list a file of before, which may be gone, and after a restart, when
    ComfyUI counts from 1 again, another task's.

    The nonce cannot be put into a prefix that comes from another node. Such a node, and one that
    ends the workflow without a prefix, as a preview does, gets an input of its own with the nonce:
    it runs again and makes a file that is there.

    Args:
        workflow: stays as it is.
        nonce: goes before the last part of every `filename_prefix`, behind its subfolders.
    """
    linked = _links(workflow)
    marked = {}
    for node_id, node in workflow.items():
        prefix = node["inputs"].get(_PREFIX_INPUT)
        if isinstance(prefix, str):
            added: dict[str, Any] = {_PREFIX_INPUT: _with_nonce(prefix, nonce)}
        elif prefix is not None or not linked[node_id]:
            added = {NONCE_INPUT: nonce}
        else:
            added = {}
        marked[node_id] = {**node, "inputs": {**node["inputs"], **added}} if added else node
    return marked


def folders_of(workflow: Workflow) -> set[str]:
    """The folders below `output` or `temp` that a workflow's prefixes name.

    Those with a placeholder are not among them: ComfyUI says only in the names of its files what
    they have become.
    """
    prefixes = (node["inputs"].get(_PREFIX_INPUT) for node in workflow.values())
    folders = {one.rpartition("/")[0] for one in prefixes if isinstance(one, str)}
    return {folder for folder in folders if folder and "%" not in folder}


def _links(workflow: Workflow) -> Counter[str]:
    """How often each node is another's input."""
    values = (value for node in workflow.values() for value in node["inputs"].values())
    return Counter(str(one[0]) for one in values if isinstance(one, list) and len(one) == 2)  # noqa: PLR2004 - [node id, slot]


def _with_nonce(prefix: str, nonce: str) -> str:
    *folders, name = _UNUSABLE.sub("_", prefix).split("/")
    # "..", the folder above, stays: ComfyUI refuses to leave its own, and says so.
    kept = [folder if folder == ".." else _shortened(folder, _MAX_NAME_BYTES) for folder in folders]
    left = _MAX_NAME_BYTES - _ENDING_BYTES - len(nonce) - 1
    # A dot before the extension's would make two.
    own = _shortened(_DOTS.sub("_", name), left).rstrip(". ")
    return "/".join([*kept, f"{nonce}_{own}"])


def _shortened(text: str, limit: int) -> str:
    """Cuts a text to so many bytes, in no character and in no placeholder."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    cut = encoded[:limit].decode(errors="ignore")
    return _UNFINISHED_PLACEHOLDER.sub("", cut) if cut.count("%") % 2 else cut
