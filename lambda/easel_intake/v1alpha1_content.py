"""The content of a v1alpha1 request as SD WebUI takes it.

v1alpha1 puts easel's fields, and some short forms of SD WebUI's own, among `alwayson_scripts`,
where SD WebUI would answer 422 to what is no script.
"""

from typing import Any

from easel_contract.api import V1Alpha1Request

_CONTROLNET = "controlnet"


def content_of_v1alpha1(request: V1Alpha1Request, *, dynamic: bool) -> dict[str, Any]:
    """Moves every short form to where SD WebUI looks for it.

    `image_link` (one or several URLs with commas between) becomes `init_images`; `sd_vae` and
    `override_settings` join `override_settings`; a ControlNet unit's `image_link` becomes its
    `input_image`.

    Args:
        request: a valid one.
        dynamic: whether the runtime loads the checkpoint that the task names; then the name stays
            where a v1alpha2 task has it.
    """
    routing = request.alwayson_scripts
    scripts: dict[str, Any] = dict(routing.model_extra or {})
    settings: dict[str, Any] = dict(routing.override_settings)
    if routing.sd_vae is not None:
        settings.setdefault("sd_vae", routing.sd_vae)
    content: dict[str, Any] = dict(request.model_extra or {})
    if settings:
        own = content.get("override_settings")
        content["override_settings"] = {**(own if isinstance(own, dict) else {}), **settings}
    if routing.image_link is not None:
        content["init_images"] = [link.strip() for link in routing.image_link.split(",")]
    if dynamic:
        scripts["sd_model_checkpoint"] = routing.sd_model_checkpoint
    content["alwayson_scripts"] = {
        name: _with_input_images(script) if name.lower() == _CONTROLNET else script
        for name, script in scripts.items()
    }
    return content


def _with_input_images(script: Any) -> Any:
    units = script.get("args") if isinstance(script, dict) else None
    if not isinstance(units, list):
        return script  # SD WebUI says what is wrong with it
    return script | {"args": [_with_input_image(unit) for unit in units]}


def _with_input_image(unit: Any) -> Any:
    if not isinstance(unit, dict) or "image_link" not in unit:
        return unit
    rest = {key: value for key, value in unit.items() if key != "image_link"}
    return rest | {"input_image": unit["image_link"]}
