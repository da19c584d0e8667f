"""Samplers and schedulers in the server's own words, and what it silently took instead."""

from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.sdwebui.api import MISSING, SdWebUiApi
from easel_agent.runtimes.sdwebui.samplers import Samplers, Sampling

pytestmark = pytest.mark.unit

OLD = [
    {"name": "Euler a", "aliases": ["k_euler_a", "k_euler_ancestral"], "options": {}},
    {"name": "Euler", "aliases": ["k_euler"], "options": {}},
    {"name": "DPM++ 2M", "aliases": ["k_dpmpp_2m"], "options": {}},
    {"name": "DPM++ 2M Karras", "aliases": ["k_dpmpp_2m_ka"], "options": {"scheduler": "karras"}},
]
NEW = [
    {"name": "DPM++ 2M", "aliases": ["k_dpmpp_2m"], "options": {"scheduler": "karras"}},
    *OLD[:2],
    {"name": "DPM++ 2M SDE", "aliases": [], "options": {}},
]
SCHEDULERS = [
    {"name": "automatic", "label": "Automatic", "aliases": None},
    {"name": "karras", "label": "Karras", "aliases": None},
    {"name": "sgm_uniform", "label": "SGM Uniform", "aliases": ["SGMUniform"]},
]


class Server(SdWebUiApi):
    """Has samplers, and schedulers or none."""

    def __init__(self, samplers: Any, schedulers: Any = MISSING) -> None:
        super().__init__("http://127.0.0.1:9")
        self.answers = {"/sdapi/v1/samplers": samplers, "/sdapi/v1/schedulers": schedulers}
        self.asked = 0

    def get_if_any(self, path: str, *, seconds: float = 10, **parameters: str) -> Any:
        del seconds, parameters
        self.asked += 1
        return self.answers[path]


def new() -> Samplers:
    return Samplers(Server(NEW, SCHEDULERS))


def old() -> Samplers:
    return Samplers(Server(OLD))


def translated(samplers: Samplers, **content: Any) -> dict[str, Any]:
    return samplers.translate(content)[0]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"sampler_name": "Euler"}, {"sampler_name": "Euler"}),
        ({"sampler_name": "euler A"}, {"sampler_name": "Euler a"}),
        ({"sampler_name": "k_euler"}, {"sampler_name": "Euler"}),
        ({"sampler_index": "k_euler"}, {"sampler_index": "Euler"}),
        (
            {"sampler_name": "DPM++ 2M Karras"},
            {"sampler_name": "DPM++ 2M", "scheduler": "Karras"},
        ),
        (
            {"sampler_name": "DPM++ 2M SDE sgm_uniform"},
            {"sampler_name": "DPM++ 2M SDE", "scheduler": "SGM Uniform"},
        ),
        (
            {"sampler_name": "DPM++ 2M Karras", "scheduler": "karras"},
            {"sampler_name": "DPM++ 2M", "scheduler": "Karras"},
        ),
        ({"scheduler": "SGMUniform"}, {"scheduler": "SGM Uniform"}),
        (
            {"sampler_name": "Euler", "scheduler": "Automatic"},
            {"sampler_name": "Euler", "scheduler": "Automatic"},
        ),
        (
            {"hr_sampler_name": "dpm++ 2m karras"},
            {"hr_sampler_name": "DPM++ 2M", "hr_scheduler": "Karras"},
        ),
        ({"hr_sampler_name": "Use same sampler"}, {"hr_sampler_name": "Use same sampler"}),
        ({"sampler_name": None, "scheduler": ""}, {"sampler_name": None, "scheduler": ""}),
    ],
)
def test_names_are_those_of_a_server_with_schedulers(
    asked: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert translated(new(), **asked) == sent


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"sampler_name": "DPM++ 2M Karras"}, {"sampler_name": "DPM++ 2M Karras"}),
        (
            {"sampler_name": "DPM++ 2M", "scheduler": "karras"},
            {"sampler_name": "DPM++ 2M Karras"},
        ),
        (
            {"sampler_name": "DPM++ 2M Karras", "scheduler": "Karras"},
            {"sampler_name": "DPM++ 2M Karras"},
        ),
        ({"sampler_name": "k_euler", "scheduler": "Automatic"}, {"sampler_name": "Euler"}),
    ],
)
def test_schedulers_are_part_of_the_name_on_a_server_without(
    asked: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert translated(old(), **asked) == sent


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"sampler_name": "Eulr a"}, "sampler_name: there is no sampler 'Eulr a'; near it: Euler"),
        ({"sampler_index": "nope"}, "sampler_index: there is no sampler 'nope'"),
        ({"scheduler": "Karas"}, "scheduler: there is no scheduler 'Karas'; near it: Karras"),
        ({"hr_sampler_name": "nope"}, "hr_sampler_name: there is no sampler"),
        ({"hr_scheduler": "nope"}, "hr_scheduler: there is no scheduler"),
        (
            {"sampler_name": "Euler Karras", "scheduler": "SGM Uniform"},
            "name two schedulers",
        ),
    ],
)
def test_an_unknown_name_is_refused_and_near_ones_told(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(RejectedTaskError, match=says):
        translated(new(), **asked)


@pytest.mark.parametrize(
    "asked",
    [{"sampler_name": "Euler", "scheduler": "Karras"}, {"scheduler": "Karras"}],
)
def test_a_scheduler_that_a_server_without_them_has_in_no_sampler_is_refused(
    asked: dict[str, Any],
) -> None:
    with pytest.raises(RejectedTaskError, match="there is no scheduler 'Karras'"):
        translated(old(), **asked)


def test_a_peer_without_a_list_is_asked_for_what_was_asked() -> None:
    content = {"sampler_name": "whatever", "scheduler": "x"}
    assert Samplers(Server(MISSING)).translate(content) == (content, Sampling())


def test_the_lists_are_read_once_for_a_process() -> None:
    server = Server(NEW, SCHEDULERS)
    samplers = Samplers(server)
    for _ in range(3):
        translated(samplers, sampler_name="Euler")
    assert server.asked == 2
    samplers.forget()
    translated(samplers, sampler_name="Euler")
    assert server.asked == 4


@pytest.mark.parametrize(
    ("asked", "sampler", "scheduler", "replaced"),
    [
        ({"sampler_name": "k_euler"}, "Euler", "Automatic", None),
        ({"sampler_name": "Euler"}, "DPM++ 2M", "Karras", "sampler 'DPM.. 2M' instead of 'Euler'"),
        ({"sampler_name": "DPM++ 2M Karras"}, "DPM++ 2M", "Karras", None),
        (
            {"sampler_name": "Euler", "scheduler": "Karras"},
            "Euler",
            "Automatic",
            "scheduler 'Automatic' instead of 'karras'",
        ),
        ({"sampler_name": "Euler", "scheduler": "Karras"}, None, None, None),
        ({"sampler_name": "DPM++ 2M"}, "DPM++ 2M", "Karras", None),
        ({}, "DPM++ 2M", "Karras", None),
    ],
)
def test_what_the_server_took_instead_is_told(
    asked: dict[str, Any], sampler: str | None, scheduler: str | None, replaced: str | None
) -> None:
    _, sampling = new().translate(asked)
    told = sampling.replaced_by(sampler, scheduler)
    assert (told or "").replace("+", ".") == (replaced or "")
