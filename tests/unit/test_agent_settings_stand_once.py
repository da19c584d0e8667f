"""A setting of the agent is defined once, and all else that names it is written from there."""

import re
from pathlib import Path

import pytest

from easel_agent.settings import AgentSettings, TunableSettings
from easel_packaging.agent_settings import (
    FILES,
    OF_THE_QUEUE,
    ROOT,
    camel,
    settings,
    without_blocks,
    written,
)

pytestmark = pytest.mark.unit

DEPLOYMENT = ("charts/sd-runtime/**/*", "modules/runtime/*.tf", "envs/**/*.tf")
"""Other modules have settings of these names that are other programs'."""

COMPUTED_WITH = {
    "task_timeout_seconds": "the grace of pods, the time of a release, the notes on Spot",
    "spot_watch": "who may reach the metadata service",
    "receive_wait_seconds": "is held against the visibility",
    "input_max_bytes": "is held against the total",
    "input_max_total_bytes": "is held against one file",
    "visibility_timeout_seconds": "SQS has it, too",
    "max_attempts": "SQS counts receives, too",
}
"""The chart and the modules compute with these, and so name them; with no other."""


@pytest.mark.parametrize("path", sorted(FILES), ids=str)
def test_all_that_names_settings_is_up_to_date(path: Path) -> None:
    current = (ROOT / path).read_text()
    assert written(path, current) == current, "run `make settings`"


def hand_written(name: str) -> list[str]:
    """Files of the deployment that name a setting outside of the blocks written from the class."""
    word = re.compile(rf"(?<![\w.]){name}\b|\b{camel(name)}\b|EASEL_{name.upper()}\b")
    found = []
    for pattern in DEPLOYMENT:
        for file in ROOT.glob(pattern):
            path = file.relative_to(ROOT)
            # Examples use settings, as a user does; the README's table is made from values.yaml.
            if not file.is_file() or file.is_symlink() or "ci" in path.parts:
                continue
            if file.suffix == ".md" or path == Path("charts/sd-runtime/values.schema.json"):
                continue
            if word.search(without_blocks(file.read_text())):
                found.append(str(path))
    return found


@pytest.mark.parametrize("name", sorted(settings()))
def test_a_setting_that_tfvars_can_set_is_one_field(name: str) -> None:
    """Beside the field itself: nothing by hand, and one command."""
    places = hand_written(name)
    assert bool(places) == (name in COMPUTED_WITH), places


def test_a_new_setting_reaches_the_chart_and_terraform(monkeypatch: pytest.MonkeyPatch) -> None:
    class More(TunableSettings):
        """With one more."""

        brush_width_pixels: int = 7
        """Pixels of the brush."""

    class All(More, AgentSettings):
        """With one more."""

    monkeypatch.setattr("easel_packaging.agent_settings.TunableSettings", More)
    monkeypatch.setattr("easel_packaging.agent_settings.AgentSettings", All)
    new = {path: written(path, (ROOT / path).read_text()) for path in FILES}

    assert (
        "# -- Pixels of the brush.\n    brushWidthPixels: 7\n"
        in new[Path("charts/sd-runtime/values.yaml")]
    )
    assert '"brushWidthPixels": {' in new[Path("charts/sd-runtime/values.schema.json")]
    for path in ("modules/runtime/variables_cluster.tf", "envs/stack/variables_tasks.tf"):
        assert re.search(r"brush_width_pixels += optional\(number\)", new[Path(path)])
    assert (
        "| `EASEL_BRUSH_WIDTH_PIXELS` | `7` | Pixels of the brush. |"
        in new[Path("agent/README.md")]
    )


def test_the_queues_settings_are_not_said_twice_to_terraform() -> None:
    for path in ("modules/runtime/variables_cluster.tf", "envs/stack/variables_tasks.tf"):
        text = (ROOT / path).read_text()
        block = text[text.index("begin agent settings") : text.index("end agent settings")]
        assert not [name for name in OF_THE_QUEUE if name in block]


@pytest.mark.parametrize("name", sorted(AgentSettings.model_fields))
def test_the_agent_uses_every_setting(name: str) -> None:
    folder = ROOT / "agent" / "easel_agent"
    in_the_class = re.search(rf"\bself\.{name}\b", (folder / "settings.py").read_text())
    used = re.compile(rf"settings\.{name}\b")
    assert in_the_class or [file for file in folder.rglob("*.py") if used.search(file.read_text())]


def test_every_setting_has_bounds_a_default_and_a_description() -> None:
    for name, schema in settings().items():
        assert schema["description"].endswith("."), name
        assert "default" in schema, name
        if schema["type"] in ("integer", "number"):
            assert "maximum" in schema, name
            assert {"minimum", "exclusiveMinimum"} & schema.keys(), name
