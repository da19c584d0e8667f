"""Charts come from registries and repositories, through networks that fail, with passwords."""

import base64
import contextlib
import http.server
import json
import os
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from easel_deploy.cluster import helm_chart
from easel_deploy.cluster.errors import ClusterError
from easel_deploy.cluster.helm_chart import REGISTRY_VARIABLE, ChartFetcher, RegistryLogin
from easel_deploy.cluster.helm_process import Helm
from easel_deploy.cluster.request import Chart
from easel_deploy.helm_binary import find_helm
from easel_local import chart_registry
from easel_local.ports import free_port
from tests.integration.docker_registry import docker_registry

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "AWS", "of-the-registry"
# bcrypt of the password, as htpasswd -B makes it.
HTPASSWD = "AWS:$2b$04$nmttFL4lcxR1kAhbKwzMNOXGFMUnzZLOmnGReydG6jNUqlh0w8Hnm\n"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def helm(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Helm:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(REGISTRY_VARIABLE, raising=False)
    monkeypatch.setattr(helm_chart, "_FIRST_PAUSE_SECONDS", 0.02)
    return Helm(find_helm(ROOT / ".easel" / "tools"), tmp_path / "helm", said.append)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    (folder / "chart").mkdir()
    (folder / "chart" / "Chart.yaml").write_text("{apiVersion: v2, name: x, version: 1.2.3}\n")
    command = [find_helm(ROOT / ".easel" / "tools"), "package", folder / "chart"]
    subprocess.run([*command, "--destination", folder], check=True, capture_output=True)
    return folder / "x-1.2.3.tgz"


@pytest.fixture(scope="module")
def locked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that asks for a password, as ECR does, with the chart in it."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "charts", "path": str(folder / "htpasswd")}}
    with docker_registry(folder, auth=auth) as host:
        helm = find_helm(ROOT / ".easel" / "tools")
        home = {"HOME": str(folder), "PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
        login = [helm, "registry", "login", host, "--plain-http", "--username", USER]
        subprocess.run(
            [*login, "--password-stdin"], input=PASSWORD, text=True, env=home, check=True
        )
        push = [helm, "push", package, f"oci://{host}/easel/charts", "--plain-http"]
        subprocess.run(push, env=home, check=True, capture_output=True)
        yield host


def chart_of(host: str, version: str = "1.2.3") -> Chart:
    return Chart(reference=f"oci://{host}/easel/charts/x", version=version)


def test_a_registry_with_a_password_is_signed_in_to(
    helm: Helm, locked: str, package: Path, tmp_path: Path
) -> None:
    login = RegistryLogin(locked, USER, PASSWORD)
    fetched = ChartFetcher(helm).fetch(chart_of(locked), login)
    assert Path(fetched).read_bytes() == package.read_bytes()
    config = tmp_path / "helm" / "registry" / "config.json"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700


def test_a_wrong_password_is_said_at_once(helm: Helm, locked: str, said: list[str]) -> None:
    login = RegistryLogin(locked, USER, "of-yesterday")
    with pytest.raises(ClusterError, match=r"1 attempt\(s\)") as error:
        ChartFetcher(helm).fetch(chart_of(locked), login)
    assert "may not read it" in str(error.value)
    assert "of-yesterday" not in str(error.value)
    assert said == []


def test_a_login_of_the_users_own_is_taken(
    helm: Helm, locked: str, package: Path, tmp_path: Path
) -> None:
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    own = tmp_path / ".docker" / "config.json"
    own.parent.mkdir()
    own.write_text(json.dumps({"auths": {locked: {"auth": pair}}}))
    fetched = ChartFetcher(helm).fetch(chart_of(locked))
    assert Path(fetched).read_bytes() == package.read_bytes()


def test_a_version_that_is_not_there_is_said_at_once(helm: Helm, locked: str) -> None:
    login = RegistryLogin(locked, USER, PASSWORD)
    with pytest.raises(ClusterError, match=r"version 9\.9\.9, cannot be fetched \(1 attempt"):
        ChartFetcher(helm).fetch(chart_of(locked, "9.9.9"), login)


@contextmanager
def cutting(upstream: str, times: int) -> Iterator[str]:
    """A way to a server that is cut as many times before it holds."""
    host, _, port = upstream.partition(":")
    listener = socket.create_server(("127.0.0.1", 0))
    left = [times]

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(65536):
                sink.sendall(content)
            sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                if left[0] > 0:
                    left[0] -= 1
                    connection.close()
                    continue
                onward = socket.create_connection((host, int(port)), timeout=10)
                for pair in ((connection, onward), (onward, connection)):
                    threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def test_a_network_that_is_cut_is_tried_again(helm: Helm, said: list[str]) -> None:
    with chart_registry.serving() as host, cutting(host, times=3) as bad:
        chart = Chart(reference=f"oci://{bad}/karpenter/karpenter", version="1.14.1")
        fetched = ChartFetcher(helm).fetch(chart)
    assert Path(fetched).name == "karpenter-1.14.1.tgz"
    assert said
    assert "could not be fetched, attempt 1 of 6; again in" in said[0]


def test_a_network_that_stays_cut_is_given_up(helm: Helm, said: list[str]) -> None:
    chart = Chart(reference=f"oci://127.0.0.1:{free_port()}/x", version="1.2.3")
    with pytest.raises(ClusterError, match=r"\(3 attempt\(s\)\)") as error:
        ChartFetcher(helm, attempts=3).fetch(chart)
    assert "connection refused" in str(error.value)
    assert "a registry of your own" in str(error.value)
    assert len(said) == 2


Serve = Callable[[int], str]


@pytest.fixture
def repository(package: Path, tmp_path: Path) -> Iterator[Serve]:
    """A plain HTTP repository that fails so many times before it answers."""
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(package, folder)
    servers: list[http.server.ThreadingHTTPServer] = []

    def serve(failures: int) -> str:
        left = [failures]

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args: object, **_: object) -> None:
                super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                if left[0] > 0:
                    left[0] -= 1
                    self.send_error(503)
                else:
                    super().do_GET()

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        command = [find_helm(ROOT / ".easel" / "tools"), "repo", "index", folder, "--url", url]
        subprocess.run(command, check=True, capture_output=True)
        return url

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_repository_that_is_overloaded_is_tried_again(
    helm: Helm, repository: Serve, package: Path, said: list[str]
) -> None:
    chart = Chart(reference="x", repository=repository(2), version="1.2.3")
    fetched = ChartFetcher(helm).fetch(chart)
    assert Path(fetched).read_bytes() == package.read_bytes()
    assert len(said) == 2


def test_a_chart_that_a_repository_lacks_is_said_at_once(helm: Helm, repository: Serve) -> None:
    chart = Chart(reference="y", repository=repository(0), version="1.2.3")
    with pytest.raises(ClusterError, match=r"1 attempt\(s\)"):
        ChartFetcher(helm).fetch(chart)


def test_every_chart_can_come_from_one_registry(
    helm: Helm, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with chart_registry.serving() as host:
        monkeypatch.setenv(REGISTRY_VARIABLE, host)
        keda = Chart(
            reference="keda", repository="https://kedacore.github.io/charts", version="2.20.2"
        )
        crd = Chart(reference="oci://public.ecr.aws/karpenter/karpenter-crd", version="1.14.1")
        fetcher = ChartFetcher(helm)
        names = [Path(fetcher.fetch(chart)).name for chart in (keda, crd)]
    assert names == ["keda-2.20.2.tgz", "karpenter-crd-1.14.1.tgz"]
    assert "chart keda 2.20.2 from 127.0.0.1" in said[0]


def test_a_folder_without_a_chart_is_refused(helm: Helm, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"has no Chart\.yaml"):
        ChartFetcher(helm).fetch(Chart(reference=str(tmp_path)))
