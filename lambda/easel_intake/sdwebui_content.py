"""The content of a task as SD WebUI takes it: without what sd-on-eks put among its scripts.

`alwayson_scripts` names SD WebUI's extensions, and SD WebUI answers 422 to a name that is none of
them. In v1alpha1, and here and there in its v1alpha2, sd-on-eks
(github.com/aws-samples/stable-diffusion-on-eks) has other keys there, which its agent took away:
`ALWAYSON_SCRIPTS_EXCLUDE_KEYS` in src/backend/queue_agent/main.py (0.x, `prepare_payload`) and in
src/backend/queue_agent/src/runtimes/sdwebui.py (1.0 to 1.1, `invoke_txt2img`, `invoke_img2img`).
"""

import re
from typing import Any

from easel_contract.task import TaskType

_SCRIPTS = "alwayson_scripts"
_CONTROLNET = "controlnet"
_LINK = "image_link"

_OF_THE_TASK = frozenset({"task", "id_task", "uid", "save_dir"})
"""Said by the task's metadata; `uid` named the sender's user and went nowhere in any version."""

_BETWEEN_LINKS = re.compile(r"\s*,\s*(?=(?:https?|s3)://)", re.IGNORECASE)
"""0.x cut at every comma, 1.x at none; a comma within a URL is no end of it."""

_WITH_SCRIPTS = frozenset({TaskType.TEXT_TO_IMAGE, TaskType.IMAGE_TO_IMAGE})


def as_sdwebui_takes(content: dict[str, Any], tasktype: TaskType) -> dict[str, Any]:
    """Moves sd-on-eks's keys to where SD WebUI looks for what they say.

    `image_link` becomes the `init_images` of an image-to-image task, and that of a ControlNet
    unit its `input_image`. `sd_vae` and `override_settings` join the body's `override_settings`
    and win over them, the latter over the former. `sd_model_checkpoint` stays: the agent takes it.
    A key whose value is of another kind stays as well, and SD WebUI says what is wrong with it.

    Args:
        content: of the task, in either API version; it is not changed.
        tasktype: of the task.
    """
    given = content.get(_SCRIPTS)
    if tasktype not in _WITH_SCRIPTS or not isinstance(given, dict):
        return content
    scripts = {name: value for name, value in given.items() if name not in _OF_THE_TASK}
    result = dict(content)
    _move_links(scripts, result, tasktype)
    _move_settings(scripts, result)
    result[_SCRIPTS] = {
        name: _with_input_images(script) if name.lower() == _CONTROLNET else script
        for name, script in scripts.items()
    }
    return result


def _move_links(scripts: dict[str, Any], content: dict[str, Any], tasktype: TaskType) -> None:
    links = scripts.get(_LINK)
    if links is not None and not isinstance(links, str):
        return
    scripts.pop(_LINK, None)
    # Text to image has no use for it, and a picture that cannot be had would fail the task.
    if links and tasktype is TaskType.IMAGE_TO_IMAGE:
        content["init_images"] = _BETWEEN_LINKS.split(links.strip())


def _move_settings(scripts: dict[str, Any], content: dict[str, Any]) -> None:
    settings: dict[str, Any] = {}
    vae, overrides = scripts.get("sd_vae"), scripts.get("override_settings")
    if vae is None or isinstance(vae, str):
        scripts.pop("sd_vae", None)
        settings |= {"sd_vae": vae} if vae else {}
    if overrides is None or isinstance(overrides, dict):
        scripts.pop("override_settings", None)
        settings |= overrides or {}
    own = content.get("override_settings")
    if settings and (own is None or isinstance(own, dict)):
        content["override_settings"] = {**(own or {}), **settings}


def _with_input_images(script: Any) -> Any:
    units = script.get("args") if isinstance(script, dict) else None
    if not isinstance(units, list):
        return script
    return script | {"args": [_with_input_image(unit) for unit in units]}


def _with_input_image(unit: Any) -> Any:
    if not isinstance(unit, dict) or _LINK not in unit:
        return unit
    rest = {key: value for key, value in unit.items() if key != _LINK}
    return rest | {"input_image": unit[_LINK]}
