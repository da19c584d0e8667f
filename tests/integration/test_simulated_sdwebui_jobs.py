"""How the simulated SD WebUI works through jobs: order, progress, interrupt, models."""

import json
import threading
from itertools import pairwise
from typing import Any

import pytest
import requests
from PIL import ImageChops

from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui
from easel_simulators.sdwebui.app import WORKER_THREADS

from .simulated_runtime import Client, client_of, opened, small, until

pytestmark = pytest.mark.integration

LONG_SECONDS = 120.0
"""Longer than any test lives: such a job ends by an interrupt or not at all."""


def info_of(answer: Any) -> dict[str, Any]:
    body = answer.json() if isinstance(answer, requests.Response) else answer
    parsed: dict[str, Any] = json.loads(body["info"])
    return parsed


def test_one_job_at_a_time_in_the_order_of_arrival() -> None:
    with (
        SimulatedSdWebui(Behaviour(service_seconds=0.1)) as webui,
        client_of(webui.url) as client,
    ):
        answers = []
        for number in range(5):
            answers.append(client.generate_later(force_task_id=f"task-{number}"))
            client.wait_for_jobs(number + 1)
        assert [answer.result().status_code for answer in answers] == [200] * 5
        records = client.stats()["records"]
    assert [record["task_id"] for record in records] == [f"task-{n}" for n in range(5)]
    for earlier, later in pairwise(records):
        assert earlier["ended_at"] <= later["started_at"] + 0.01


def test_service_time_is_the_time_a_job_takes() -> None:
    with (
        SimulatedSdWebui(Behaviour(service_seconds=0.4)) as webui,
        client_of(webui.url) as client,
    ):
        client.generate(n_iter=2, batch_size=2)
        stats = client.stats()
    assert stats["jobs"] == 1
    assert 0.4 <= stats["busy_seconds"] < 0.8


def test_pictures_are_encoded_while_the_next_job_runs() -> None:
    behaviour = Behaviour(service_seconds=0.2, encode_seconds=0.4)
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        client.generate()
        answers = [client.generate_later(width=1024, height=512, seed=seed) for seed in (1, 2)]
        until(lambda: len(client.stats()["records"]) == 3, "the second runs")
        assert client.progress()["state"]["job_count"] != 0
        assert not answers[0].done()
        assert [answer.result().status_code for answer in answers] == [200, 200]
        records = client.stats()["records"]
    assert all(one["ended_at"] - one["started_at"] < 0.6 for one in records)
    assert records[2]["started_at"] - records[1]["ended_at"] < 0.2


def test_progress_advances_and_then_rests() -> None:
    with (
        SimulatedSdWebui(Behaviour(service_seconds=1)) as webui,
        client_of(webui.url) as client,
    ):
        answer = client.generate_later(steps=50)
        until(client.sampling, "the job runs")
        early = client.progress()
        until(lambda: client.progress()["state"]["sampling_step"] >= 25, "half of the steps")
        late = client.progress()
        assert answer.result().status_code == 200
        idle = client.progress()
    assert (early["state"]["job"], early["state"]["job_count"]) == ("scripts_txt2img", 1)
    assert 0 < early["progress"] < late["progress"] <= 1
    assert 0 < late["eta_relative"] < 1
    assert (idle["progress"], idle["state"]["job_count"], idle["state"]["job"]) == (0, 0, "")
    assert (idle["state"]["job_no"], idle["state"]["sampling_steps"]) == (1, 50)


def test_interrupted_job_answers_200_with_a_half_made_picture_and_no_mark() -> None:
    with (
        SimulatedSdWebui(Behaviour(service_seconds=LONG_SECONDS)) as webui,
        client_of(webui.url) as client,
    ):
        answer = client.generate_later(n_iter=3)
        until(client.sampling, "the job runs")
        assert client.post("/sdapi/v1/interrupt").json() == {}
        interrupted = answer.result()
        assert client.progress()["state"]["interrupted"] is True
        assert client.stats()["records"][0]["outcome"] == "interrupted"
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        complete = client.generate(n_iter=3)
    assert interrupted.status_code == 200
    assert [len(interrupted.json()["images"]), len(info_of(interrupted)["infotexts"])] == [1, 1]
    assert info_of(interrupted)["all_seeds"] == [1, 2, 3]
    assert info_of(interrupted).keys() == info_of(complete).keys()
    half, whole = (opened(one["images"][0]) for one in (interrupted.json(), complete))
    assert half.size == whole.size
    assert ImageChops.difference(half, whole).getbbox() is not None


def test_interrupt_reaches_only_the_running_job() -> None:
    with (
        SimulatedSdWebui(Behaviour(service_seconds=LONG_SECONDS)) as webui,
        client_of(webui.url) as client,
    ):
        first = client.generate_later(force_task_id="first")
        until(client.sampling, "the first runs")
        second = client.generate_later(force_task_id="second")
        until(lambda: client.pending() == 1, "the second waits")
        client.post("/sdapi/v1/interrupt")
        assert first.result().status_code == 200
        until(client.sampling, "the second runs")
        assert not second.done()
        assert client.progress()["state"]["interrupted"] is False
        client.post("/sdapi/v1/interrupt")
        assert second.result().status_code == 200


def test_interrupt_when_idle_does_not_reach_the_next_job() -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        before = client.generate()
        client.post("/sdapi/v1/interrupt")
        assert client.generate()["images"] == before["images"]


def test_interrupt_while_the_model_loads_gives_no_pictures() -> None:
    behaviour = Behaviour(load_seconds=0.5, service_seconds=LONG_SECONDS)
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        answer = client.generate_later()
        until(lambda: not client.idle(), "the job is in")
        client.post("/sdapi/v1/interrupt")
        assert answer.result().json()["images"] == []


def test_skip_ends_one_iteration() -> None:
    with (
        SimulatedSdWebui(Behaviour(service_seconds=LONG_SECONDS)) as webui,
        client_of(webui.url) as client,
    ):
        answer = client.generate_later(n_iter=2)
        until(client.sampling, "the first iteration")
        client.post("/sdapi/v1/skip")
        until(lambda: client.progress()["state"]["job_no"] == 1, "the second iteration")
        client.post("/sdapi/v1/skip")
        assert len(answer.result().json()["images"]) == 2


def test_a_client_that_leaves_does_not_stop_the_job() -> None:
    with (
        SimulatedSdWebui(Behaviour(service_seconds=0.8)) as webui,
        client_of(webui.url) as client,
    ):
        with pytest.raises(requests.Timeout):
            requests.post(f"{webui.url}/sdapi/v1/txt2img", json=small(), timeout=0.2)
        assert client.sampling()
        until(client.idle, "the job ends")
        assert client.stats()["records"][0]["outcome"] == "completed"


def test_the_first_job_pays_for_loading_the_model() -> None:
    behaviour = Behaviour(load_seconds=0.4, service_seconds=0.05)
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        assert client.idle()
        for _ in range(2):
            client.generate()
        first, second = (
            record["ended_at"] - record["started_at"] for record in client.stats()["records"]
        )
    assert first >= 0.45
    assert second < 0.4


def test_a_model_switch_waits_for_the_running_job_and_shows_the_new_name_meanwhile() -> None:
    with (
        SimulatedSdWebui(Behaviour(service_seconds=LONG_SECONDS)) as webui,
        client_of(webui.url) as client,
    ):
        running = client.generate_later()
        until(client.sampling, "the job runs")
        switch = client.later("/sdapi/v1/options", {"sd_model_checkpoint": "sd15-b.safetensors"})
        until(lambda: client.pending() == 1, "the switch waits")
        shown = client.get("/sdapi/v1/options")["sd_model_checkpoint"]
        assert (shown, switch.done()) == ("sd15-b.safetensors", False)
        client.post("/sdapi/v1/interrupt")
        assert info_of(running.result())["sd_model_name"] == "sd15-a"
        assert (switch.result().status_code, switch.result().json()) == (200, None)
        title = client.get("/sdapi/v1/options")["sd_model_checkpoint"]
        assert title == client.get("/sdapi/v1/sd-models")[1]["title"]
        assert title.startswith("sd15-b.safetensors [")


@pytest.mark.parametrize(
    "form", ["title", "model_name", "hash", "sha256", "file name", "model_name [hash]"]
)
def test_a_checkpoint_answers_to_each_of_its_names(form: str) -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        other = client.get("/sdapi/v1/sd-models")[1]
        name = {
            **other,
            "file name": other["filename"].rpartition("/")[2],
            "model_name [hash]": f"{other['model_name']} [{other['hash']}]",
        }[form]
        answer = client.generate(override_settings={"sd_model_checkpoint": name})
        assert info_of(answer)["sd_model_name"] == "sd15-b"
        assert info_of(answer)["sd_model_hash"] == other["hash"]
        assert client.post("/sdapi/v1/options", {"sd_model_checkpoint": name}).status_code == 200


@pytest.mark.parametrize("name", ["nope", "sd15", "SD15-B", "", 7, ["sd15-b"]])
def test_an_unknown_checkpoint_runs_on_the_current_one_and_cannot_be_set(name: object) -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        client.post("/sdapi/v1/options", {"sd_model_checkpoint": "sd15-b"})
        answer = client.generate(override_settings={"sd_model_checkpoint": name})
        assert info_of(answer)["sd_model_name"] == "sd15-b"
        refused = client.post("/sdapi/v1/options", {"sd_model_checkpoint": name})
        assert (refused.status_code, refused.json()["error"]) == (500, "RuntimeError")
        assert info_of(client.generate())["sd_model_name"] == "sd15-b"


@pytest.mark.parametrize(("restore", "then"), [(True, "sd15-a"), (False, "sd15-b")])
def test_a_checkpoint_is_restored_unless_asked_not_to(restore: bool, then: str) -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        client.generate(
            override_settings={"sd_model_checkpoint": "sd15-b"},
            override_settings_restore_afterwards=restore,
        )
        assert info_of(client.generate())["sd_model_name"] == then


def test_unloading_lets_the_running_job_end_and_the_next_one_load() -> None:
    behaviour = Behaviour(service_seconds=0.3, load_seconds=0.3)
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        running = client.generate_later()
        until(client.sampling, "the job runs")
        assert client.post("/sdapi/v1/unload-checkpoint").json() == {}
        assert running.result().status_code == 200
        client.generate()
        record = client.stats()["records"][1]
        assert record["ended_at"] - record["started_at"] >= 0.6


def test_as_many_waiting_requests_as_workers_starve_the_probes() -> None:
    with (
        SimulatedSdWebui(Behaviour(service_seconds=LONG_SECONDS)) as webui,
        client_of(webui.url) as client,
    ):
        answers = [client.generate_later() for _ in range(WORKER_THREADS)]
        until(lambda: client.pending() == WORKER_THREADS - 1, "all workers are taken")
        with pytest.raises(requests.Timeout):
            client.get("/sdapi/v1/memory", timeout=0.3)
        webui.stop()
        assert all(isinstance(one.exception(), requests.ConnectionError) for one in answers)


def test_stopping_cuts_off_what_runs_and_frees_the_port() -> None:
    webui = SimulatedSdWebui(Behaviour(service_seconds=LONG_SECONDS))
    webui.start()
    with client_of(webui.url) as client:
        answer = client.generate_later()
        until(client.sampling, "the job runs")
        webui.stop()
        assert isinstance(answer.exception(), requests.ConnectionError)
    with SimulatedSdWebui(port=webui.port) as again, client_of(again.url) as client:
        assert client.generate()["images"]
    assert not [one for one in threading.enumerate() if one.name == f"simulator-{webui.port}"]


def test_forty_jobs_at_once_all_complete() -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        answers = [client.generate_later(seed=seed) for seed in range(40)]
        assert {answer.result().status_code for answer in answers} == {200}
        assert client.stats()["jobs"] == 40


def named(client: Client) -> list[str]:
    return [model["title"] for model in client.get("/sdapi/v1/sd-models")]


def test_checkpoints_may_be_given_without_extension_and_without_hashes() -> None:
    behaviour = Behaviour(models=("one", "two.ckpt"), hashing=False)
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        assert named(client) == ["one.safetensors", "two.ckpt"]
