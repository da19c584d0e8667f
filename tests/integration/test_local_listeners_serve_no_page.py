"""Whatever the local stack listens with: no web page is served, and no name but this machine's."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from easel_local.chart_registry import serving as serving_charts
from easel_local.emulator import Emulator
from easel_local.kubernetes.objects import ObjectStore
from easel_local.kubernetes.server import serving as serving_objects
from easel_simulators.comfyui import SimulatedComfyUi
from easel_simulators.sdwebui import SimulatedSdWebui
from tests.aws_proxy import AwsProxy

pytestmark = pytest.mark.integration

LISTENERS = {
    "sdwebui": "/sdapi/v1/progress",
    "sdwebui control": "/_sim/stats",
    "comfyui": "/queue",
    "comfyui control": "/_sim/stats",
    "charts": "/v2/",
    "kubernetes": "/version",
    "proxy control": "/_proxy/calls",
}
FOREIGN = {
    "another origin": {"Origin": "http://evil.example"},
    "a file's origin": {"Origin": "null"},
    "another port's origin": {"Origin": "http://127.0.0.1:1"},
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "another port": {"Sec-Fetch-Site": "same-site"},
    "another name": {"Host": "evil.example"},
    "another name with this port": {"Host": "evil.example:PORT"},
    "a name that looks like this machine's": {"Host": "localhost.evil.example"},
    "no name": {"Host": ""},
}


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator) -> Iterator[dict[str, str]]:
    folder: Path = tmp_path_factory.mktemp("listeners")
    with ExitStack() as stack:
        sdwebui = stack.enter_context(SimulatedSdWebui()).url
        comfyui = stack.enter_context(SimulatedComfyUi()).url
        proxy = AwsProxy(
            emulator.endpoint_url, log_path=folder / "log", environment=emulator.environment()
        )
        bases = {
            "sdwebui": sdwebui,
            "sdwebui control": sdwebui,
            "comfyui": comfyui,
            "comfyui control": comfyui,
            "charts": f"http://{stack.enter_context(serving_charts())}",
            "kubernetes": stack.enter_context(serving_objects(ObjectStore())),
            "proxy control": stack.enter_context(proxy).endpoint_url,
        }
        yield {name: bases[name] + path for name, path in LISTENERS.items()}


@pytest.mark.parametrize("listener", LISTENERS)
def test_only_programs_of_this_machine_are_served(urls: dict[str, str], listener: str) -> None:
    url = urls[listener]
    port = url.split("/")[2].partition(":")[2]
    with requests.Session() as http:
        http.trust_env = False
        for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
            answer = http.get(url, headers={"Host": host}, timeout=10)
            assert answer.status_code == 200, answer.text
        for way, headers in FOREIGN.items():
            sent = {name: value.replace("PORT", port) for name, value in headers.items()}
            answer = http.get(url, headers=sent, timeout=10)
            assert answer.status_code == 403, way
            assert "Access-Control-Allow-Origin" not in answer.headers
