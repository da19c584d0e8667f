"""Which inputs of a workflow take a file, and what of an uploaded file such an input takes.

Asked of the server's own declaration first (`GET /object_info/{class}`); what that does not say is
in a table of known nodes. Sources: the recorded declarations (comfy_0.8.0_jobs_uploads_prompts),
ComfyUI nodes.py, comfy_extras/nodes_load_3d.py, nodes_audio.py, and ComfyUI-VideoHelperSuite
(videohelpersuite/load_video_nodes.py, load_images_nodes.py, nodes.py).

Of nodes that nobody here knows an input takes a file where
- its declaration has an upload flag (`image_upload`, `file_upload`, ...), or a type that only files
  have (WEBCAM, AUDIO_RECORD);
- it is a choice (COMBO) among files: a choice takes one of its own, never a URL nor base64. Models
  are chosen so too, and are not uploaded: a choice counts where a picture, video, sound or mesh is
  among its options, or where there are none and its name is that of a medium;
- it is a text with VideoHelperSuite's `vhs_path_extensions`, or named like a path, a folder or a
  video, and not like something that is written to.
  A text named `image` or `mask` is base64 as it always was, unless the node's class is named like
  a path: nodes that load pictures from base64 name theirs so.
Everything else becomes base64 (R19), except inputs named `url` (docs/adr/0009).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.comfyui.workflow import Workflow
from easel_agent.urls import ContentUrl, find_urls
from easel_contract.errors import TaskErrorCode

_URL_INPUT = re.compile(r"(?:^|_)ur[il]s?$", re.IGNORECASE)
_BASE64 = re.compile(r"base_?64|b64", re.IGNORECASE)
_MEDIUM = re.compile(
    r"(?:^|_)(?:images?|pictures?|photos?|masks?|videos?|gifs?|audios?|sounds?|voice|music|mesh|"
    r"model_3d|latents?|files?|file_?names?|paths?)$",
    re.IGNORECASE,
)
_PATH_NAME = re.compile(
    r"(?:^|_)(?:paths?|files?|file_?names?|videos?|audios?|mesh)$", re.IGNORECASE
)
_FOLDER_NAME = re.compile(r"(?:^|_)(?:dir|directory|folder)$", re.IGNORECASE)
_WRITTEN_TO = re.compile(r"output|save|export", re.IGNORECASE)
_MEDIA_FILE = re.compile(
    r"\.(?:png|jpe?g|webp|gif|bmp|tiff?|avif|heic|exr|psd|svg|mp4|mov|m4v|webm|mkv|avi|wav|mp3|ogg|"
    r"opus|flac|m4a|aac|glb|gltf|obj|fbx|stl|ply|splat|spz|ksplat|latent)$",
    re.IGNORECASE,
)
_FILE_TYPES = frozenset({"WEBCAM", "AUDIO_RECORD", "LOAD_3D", "LOAD_3D_ANIMATION"})
_MAX_CLASSES = 256
_MODELS_FOLDER = "3d"
"""Below `input`: Load3D lists the files there, and takes none that is not in its list."""


class Takes(Enum):
    """The part of an uploaded file that an input takes."""

    NAME = auto()  # below ComfyUI's input folder
    PATH = auto()  # of the file in the server's file system
    FOLDER = auto()  # a folder below the input folder in which the file is alone
    FOLDER_PATH = auto()


@dataclass(frozen=True)
class FileInput:
    """An input that takes an uploaded file, and holds a URL.

    Attributes:
        at: where the URL stands in the workflow.
        takes: what is put in its place.
        folder: below ComfyUI's input folder, where the file must lie; "" for that folder itself.
    """

    at: ContentUrl
    takes: Takes = Takes.NAME
    folder: str = ""


_KNOWN: Mapping[str, Mapping[str, Takes]] = {
    "LoadImage": {"image": Takes.NAME},
    "LoadImageMask": {"image": Takes.NAME},
    "LoadImageOutput": {"image": Takes.NAME},
    "LoadAudio": {"audio": Takes.NAME},
    "LoadVideo": {"file": Takes.NAME},
    "LoadLatent": {"latent": Takes.NAME},
    "Load3D": {"model_file": Takes.NAME, "image": Takes.NAME},
    "Load3DAnimation": {"model_file": Takes.NAME, "image": Takes.NAME},
    "VHS_LoadVideo": {"video": Takes.NAME},
    "VHS_LoadVideoFFmpeg": {"video": Takes.NAME},
    "VHS_LoadAudioUpload": {"audio": Takes.NAME},
    "VHS_LoadImages": {"directory": Takes.FOLDER},
    "VHS_LoadVideoPath": {"video": Takes.PATH},
    "VHS_LoadVideoFFmpegPath": {"video": Takes.PATH},
    "VHS_LoadImagePath": {"image": Takes.PATH},
    "VHS_LoadImagesPath": {"directory": Takes.FOLDER_PATH},
    "VHS_LoadAudio": {"audio_file": Takes.PATH},
}
"""By node class and input. VideoHelperSuite's declare no upload flags, and those that take a path
would fetch a URL themselves, past every bound of the agent's."""


def file_inputs(
    workflow: Workflow, object_info: Callable[[str], Mapping[str, Any]]
) -> tuple[list[FileInput], list[ContentUrl]]:
    """Finds the URLs among a workflow's inputs that stand for files.

    Args:
        workflow: in API format.
        object_info: the declaration of a node class by its name, empty where it is unknown;
            asked once for each class with a URL.

    Returns:
        The inputs that take an uploaded file, and the URLs that become base64. URLs in prose, in
        nodes' titles and in inputs named `url` are in neither.

    Raises:
        RejectedTaskError: more classes than 256 have URLs: each is a question to the server.
    """
    declared: dict[str, Mapping[str, Any]] = {}
    uploads, others = [], []
    for at in _input_urls(workflow):
        class_type, name = workflow[str(at.path[0])]["class_type"], str(at.path[2])
        if class_type not in declared:
            if len(declared) >= _MAX_CLASSES:
                raise RejectedTaskError(
                    TaskErrorCode.INVALID_TASK,
                    f"more than {_MAX_CLASSES} node classes of the workflow have URLs as inputs",
                )
            declared[class_type] = _declarations(object_info(class_type))
        takes = _takes(class_type, name, declared[class_type].get(name))
        if takes is not None:
            uploads.append(FileInput(at, takes, _folder(class_type, name)))
        elif not _URL_INPUT.search(str(at.path[-1])) and not at.reads_like_words:
            others.append(at)
    return uploads, others


def _input_urls(workflow: Workflow) -> Iterator[ContentUrl]:
    for node_id, node in workflow.items():
        yield from find_urls({node_id: {"inputs": node["inputs"]}})


def _declarations(info: Mapping[str, Any]) -> dict[str, Any]:
    """What a class says of its inputs, by their names."""
    groups = info.get("input")
    if not isinstance(groups, dict):
        return {}
    found: dict[str, Any] = {}
    for group in (groups.get("required"), groups.get("optional")):
        if isinstance(group, dict):
            found |= group
    return found


def _folder(class_type: str, name: str) -> str:
    return _MODELS_FOLDER if (class_type.startswith("Load3D") and name == "model_file") else ""


def _takes(class_type: str, name: str, declaration: object) -> Takes | None:
    known = _KNOWN.get(class_type, {}).get(name)
    if known is not None:
        return known
    if not isinstance(declaration, list) or not declaration:
        return None
    # [type, options]; the type of a choice is the list of what may be chosen, or "COMBO"
    kind = declaration[0]
    options = declaration[1] if len(declaration) > 1 else None
    options = options if isinstance(options, dict) else {}
    if _has_upload_flag(options) or (isinstance(kind, str) and kind in _FILE_TYPES):
        return Takes.NAME
    if isinstance(kind, list):
        return Takes.NAME if _is_choice_of_files(name, kind) else None
    if kind == "COMBO":
        choices = options.get("options")
        is_files = _is_choice_of_files(name, choices if isinstance(choices, list) else [])
        return Takes.NAME if is_files else None
    return _text_takes(class_type, name, options) if kind == "STRING" else None


def _has_upload_flag(options: Mapping[str, Any]) -> bool:
    return any(
        flag == "upload" or flag.endswith("_upload")
        for flag, value in options.items()
        if value is True
    )


def _is_choice_of_files(name: str, choices: list[Any]) -> bool:
    if not choices:
        return _MEDIUM.search(name) is not None
    return any(isinstance(one, str) and _MEDIA_FILE.search(one) for one in choices)


def _text_takes(class_type: str, name: str, options: Mapping[str, Any]) -> Takes | None:
    if isinstance(extensions := options.get("vhs_path_extensions"), list):
        # A path without extensions is a folder's.
        return Takes.PATH if extensions else Takes.FOLDER_PATH
    if any(one.search(text) for one in (_BASE64, _WRITTEN_TO) for text in (class_type, name)):
        return None
    if _FOLDER_NAME.search(name):
        return Takes.FOLDER_PATH
    is_of_paths = "path" in class_type.lower() and _MEDIUM.search(name)
    return Takes.PATH if is_of_paths or _PATH_NAME.search(name) else None
