"""A property: whatever came before, a task's picture is the one that a fresh server gives.

Tasks of several users with overrides, checkpoints under many names, mistakes and failures come in
any order to one runtime through one adapter; between them, people change settings, interrupt, and
send requests of their own that leave settings behind.
"""

import functools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from easel_agent.errors import OutOfMemoryError, RejectedTaskError, TransientError
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_contract.task import TaskType
from easel_simulators.faults import Fault
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui
from tests.collected import generate

from .simulated_runtime import as_text, client_of, until

pytestmark = pytest.mark.integration

MODELS = ("base.safetensors", "anime/lamp-v3.safetensors", "lamp [night].safetensors")
PICTURE = as_text(Image.new("RGB", (32, 32), "red"))
Content = dict[str, Any]
Outcome = list[bytes] | str

overrides = st.fixed_dictionaries(
    {},
    optional={
        "CLIP_stop_at_last_layers": st.sampled_from([1, 2, 3]),
        "eta_noise_seed_delta": st.sampled_from([0, 31337]),
        "samples_format": st.sampled_from(["png", "jpg", "webp"]),
        "sd_model_checkpoint": st.sampled_from(
            ["base", "base.safetensors", "anime/lamp-v3", "nope"]
        ),
    },
)
checkpoints = st.sampled_from(
    ["base", "base.safetensors", "lamp-v3.safetensors", "anime_lamp-v3", "lamp [night]"]
)
drawn = st.fixed_dictionaries(
    {
        "prompt": st.sampled_from(["a lamp", "a dog"]),
        "seed": st.sampled_from([1, 2]),
        "steps": st.sampled_from([1, 1, 1, 1, 0]),
        "width": st.just(64),
        "height": st.just(64),
    },
    optional={
        "override_settings": st.one_of(overrides, overrides, st.just({"no such setting": 1})),
        "override_settings_restore_afterwards": st.booleans(),
        "alwayson_scripts": st.builds(dict, sd_model_checkpoint=checkpoints),
        "sampler_name": st.sampled_from(["Euler", "k_euler", "DPM++ 2M Karras", "Eulr"]),
        "infotext": st.just("x\nSteps: 1, Sampler: Euler, Seed: 5, Size: 64x64, Clip skip: 2"),
    },
)
upscaled = st.fixed_dictionaries(
    {"image": st.just(PICTURE), "upscaler_1": st.sampled_from(["Lanczos", "Nope"])}
)
tasks = st.one_of(
    st.tuples(st.just(TaskType.TEXT_TO_IMAGE), drawn),
    st.tuples(st.just(TaskType.TEXT_TO_IMAGE), drawn),
    st.tuples(st.just(TaskType.EXTRA_SINGLE_IMAGE), upscaled),
)
others = st.sampled_from(
    ["options", "leaking request", "switching request", "idle interrupt", "oom", "interrupt"]
)
steps = st.lists(st.one_of(tasks, tasks, others), min_size=2, max_size=8)


def adapter(url: str, *, dynamic: bool) -> SdWebUi:
    return SdWebUi(url, task_timeout_seconds=30, wait_seconds=30, dynamic_model=dynamic)


def outcome(runtime: SdWebUi, tasktype: TaskType, content: Content) -> Outcome:
    """The pictures, or that the task was the sender's mistake."""
    try:
        return generate(runtime, tasktype, content).pictures
    except RejectedTaskError:
        return "rejected"


@functools.cache
def on_a_fresh_server(tasktype: TaskType, content: str, *, dynamic: bool) -> Outcome:
    with SimulatedSdWebui(Behaviour(models=MODELS)) as server:
        return outcome(adapter(server.url, dynamic=dynamic), tasktype, json.loads(content))


def interfere(server: SimulatedSdWebui, runtime: SdWebUi, what: str) -> None:
    """What others do between the tasks."""
    raw = {"prompt": "x", "steps": 1, "width": 64, "height": 64}
    leak = {"CLIP_stop_at_last_layers": 4, "samples_format": "webp"}
    with client_of(server.url) as person:
        if what == "options":
            person.post("/sdapi/v1/options", leak | {"sd_model_checkpoint": "anime/lamp-v3"})
        elif what == "leaking request":
            person.post("/sdapi/v1/txt2img", raw | {"override_settings": leak})
        elif what == "switching request":
            kept = {"override_settings_restore_afterwards": False}
            switch = {"override_settings": {"sd_model_checkpoint": "anime/lamp-v3"}}
            person.post("/sdapi/v1/txt2img", raw | switch | kept)
        elif what == "idle interrupt":
            person.post("/sdapi/v1/interrupt")
        elif what == "oom":
            server.faults.add(Fault("out_of_memory"))
            with pytest.raises(OutOfMemoryError):
                generate(runtime, TaskType.TEXT_TO_IMAGE, raw | {"override_settings": leak})
        else:
            server.faults.add(Fault("slow", seconds=20))
            job = Job()
            with ThreadPoolExecutor(1) as pool:
                content = raw | {"override_settings": leak}
                task = pool.submit(generate, runtime, TaskType.TEXT_TO_IMAGE, content, job)
                until(person.sampling, "the task runs")
                person.post("/sdapi/v1/interrupt")
                with pytest.raises(TransientError, match="interrupted by somebody"):
                    task.result(timeout=20)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@given(steps=steps, seconds=st.sampled_from([0.0, 0.0, 0.12]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_each_picture_is_the_one_of_a_fresh_server(
    dynamic: bool, steps: list[Any], seconds: float
) -> None:
    # Where a job takes its time, the settings are looked at while it runs, else before it.
    with SimulatedSdWebui(Behaviour(models=MODELS, service_seconds=seconds)) as server:
        runtime = adapter(server.url, dynamic=dynamic)
        runtime.warm_up(Job())
        for step in steps:
            if isinstance(step, str):
                interfere(server, runtime, step)
                continue
            tasktype, content = step
            text = json.dumps(content, sort_keys=True)
            expected = on_a_fresh_server(tasktype, text, dynamic=dynamic)
            assert outcome(runtime, tasktype, json.loads(text)) == expected


def test_the_property_can_fail() -> None:
    """A setting that is left behind does change a picture."""
    content = {"prompt": "a lamp", "seed": 1, "steps": 1, "width": 64, "height": 64}
    with SimulatedSdWebui(Behaviour(models=MODELS)) as server, client_of(server.url) as person:
        before = person.generate(**content)["images"]
        assert person.generate(**content)["images"] == before
        leak = {"CLIP_stop_at_last_layers": 4}
        person.generate(**content, override_settings=leak)
        assert person.generate(**content)["images"] != before
