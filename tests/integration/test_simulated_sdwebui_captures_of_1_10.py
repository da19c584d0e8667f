"""Replays what was recorded of SD WebUI 1.10.1 against the simulated one.

Of ``info`` only the beginning and the length were kept: the length is compared, and tells much.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui

from .captures import CAPTURES
from .sdwebui_replay import picture, replay, send
from .simulated_runtime import Client, client_of, small, until

pytestmark = pytest.mark.integration

# The checkpoint's name was not kept; info's length says that it has as many letters.
MODELS = ("fourteen-chars.safetensors", "sd_xl_base_1.0.safetensors")
JPEG_KEPT = {
    "response.images*": "a library of its own writes the real server's EXIF",
    "response.image": "a library of its own writes the real server's EXIF",
}
VALUES_MAY_DIFFER = {
    "mask_include_init": {
        "response.parameters.mask": "the test's own picture",
        "response.parameters.init_images*": "the test's own picture",
    },
    "mask_save_options": {"response.images?1?": "the mask is the test's own picture"},
    "override_format_jpg": JPEG_KEPT,
    "infotext": JPEG_KEPT,
    "extra_lanczos": JPEG_KEPT,
}
LENGTH = re.compile(r"\[(\d+) chars\]$")


def recorded(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CAPTURES / f"a1111_1.10.1_{name}.json").read_text("utf-8"))
    return loaded


EXCHANGES = recorded("generate_and_errors")


@pytest.fixture(scope="module")
def webui() -> Iterator[SimulatedSdWebui]:
    """A server to which somebody has left a setting, as to the recorded one before."""
    with SimulatedSdWebui(Behaviour(models=MODELS)) as server:
        body = {"steps": 1, "width": 8, "height": 8}
        body["override_settings"] = {"CLIP_stop_at_last_layers": 2}
        assert send(server.url, {"method": "POST", "path": "/sdapi/v1/txt2img", "json": body})
        yield server


@pytest.mark.parametrize("name", EXCHANGES)
def test_answers_as_recorded(webui: SimulatedSdWebui, name: str) -> None:
    # In the order of the recording: what one request leaves behind, the later ones show.
    allowed = VALUES_MAY_DIFFER.get(name, {})
    found = list(replay(webui.url, name, EXCHANGES[name], allowed))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", [n for n in EXCHANGES if "info" in EXCHANGES[n]["response"]])
def test_info_is_as_long_as_recorded(webui: SimulatedSdWebui, name: str) -> None:
    captured = EXCHANGES[name]
    info = send(webui.url, captured["request"]).json()["info"]
    subseeds = json.loads(info)["all_subseeds"]
    found = LENGTH.search(captured["response"]["info"])
    assert found
    # Subseeds are random: each of them, and the first once more, has one to ten digits.
    without = len(info) - sum(len(str(one)) for one in [subseeds[0], *subseeds])
    digits = int(found[1]) - without
    count = 1 + len(subseeds)
    assert 8 * count <= digits <= 10 * count


LEAK = recorded("override_leak_and_interrupt_mark")


@pytest.mark.parametrize(
    ("case", "posted"), [("real", False), ("real_after_posting_the_keys_once", True)]
)
def test_what_an_override_leaves_behind(case: str, posted: bool) -> None:
    captured = LEAK[case]
    models = ("v1-5-pruned-emaonly.safetensors",)
    with SimulatedSdWebui(Behaviour(models=models)) as webui, client_of(webui.url) as client:
        if posted:
            assert client.post("/sdapi/v1/options", captured["options_before"]).status_code == 200
        assert options_of(client, captured["options_before"]) == captured["options_before"]
        for step in ("plain", "override", "plain_after"):
            answer = send(webui.url, {**captured[step]["request"], "json": body_of(captured[step])})
            assert answer.status_code == captured[step]["status"]
            assert answer.json()["images"][0].startswith(captured[step]["first_image_bytes"])
            [infotext] = json.loads(answer.json()["info"])["infotexts"]
            kept = LENGTH.search(captured[step]["info"])
            assert kept
            assert len(infotext) == int(kept[1])
            assert infotext.startswith(captured[step]["info"].partition("...")[0])
        assert options_of(client, captured["options_after"]) == captured["options_after"]


def body_of(step: dict[str, Any]) -> Any:
    return step["request"]["body"]


def options_of(client: Client, names: dict[str, Any]) -> dict[str, Any]:
    found = client.get("/sdapi/v1/options")
    return {name: found[name] for name in names}


def test_the_mark_that_an_interrupt_leaves() -> None:
    captured = LEAK["interrupted_real"]["progress_state_after"]
    with SimulatedSdWebui(Behaviour(service_seconds=60)) as webui, client_of(webui.url) as client:
        answer = client.generate_later(steps=150)
        until(client.sampling, "the job runs")
        client.post("/sdapi/v1/interrupt")
        assert answer.result().status_code == LEAK["interrupted_real"]["status"]
        state = client.progress()["state"]
    assert list(state) == list(captured)
    assert {**state, "job_timestamp": captured["job_timestamp"]} == captured


PROGRESS = recorded("progress_sequences")
SAMPLED = {
    "txt2img_niter3": ("txt2img", {"n_iter": 3}),
    "txt2img_hires": ("txt2img", {"enable_hr": True, "denoising_strength": 0.5}),
    "img2img": ("img2img", {"init_images": [picture(None)]}),
}
COLUMNS = ("job", "job_count", "job_no", "sampling_step", "sampling_steps")


def seen(client: Client) -> tuple[object, ...]:
    snapshot = client.progress()
    state = snapshot["state"]
    return (*(state[name] for name in COLUMNS), round(snapshot["progress"], 2))


@pytest.mark.parametrize("name", SAMPLED)
def test_progress_goes_on_as_recorded(name: str) -> None:
    """Every row that is seen is one of the recorded ones, in their order, and most of them are."""
    captured = [tuple(row) for row in PROGRESS[name]["sequence"]]
    path, body = SAMPLED[name]
    behaviour = Behaviour(service_seconds=1.2, load_seconds=0.1)
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        client.generate(steps=1)
        client.post("/sdapi/v1/unload-checkpoint")
        job = client.later(f"/sdapi/v1/{path}", small(steps=3, **body))
        rows: list[tuple[object, ...]] = []
        until(lambda: not client.idle(), "the job is in")
        while not job.done():
            row = seen(client)
            if row[1] != 0 and row not in rows:
                rows.append(row)
            time.sleep(0.01)
        assert job.result().status_code == 200
    begun = (f"scripts_{path}", -1, 0, 0, 1, 0.01)
    assert rows[0] == begun
    of_this = [row for row in captured if row[4] == 3 and row[1] not in (0, -1)]
    assert [row for row in rows[1:] if row not in of_this] == []
    assert rows[1:] == [row for row in of_this if row in rows]
    assert len(rows) - 1 >= len(of_this) - 3
