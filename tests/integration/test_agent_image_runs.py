"""The image of agent/Dockerfile, built, and run as a pod runs it: read-only, without rights."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from easel_local.emulator import Emulator
from tests.aws_proxy import AwsProxy
from tests.faults.aws_resources import AwsClients
from tests.faults.child_process import ChildProcess
from tests.faults.scenario import Cloud, Scenario, Setup
from tests.integration.stand_in_base import ROOT, Containers, base_name, without_digest

# What the fixtures do counts: a base of Debian's packages is made, and the image is built.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

IMAGE = "localhost/easel/queue-agent:test"
DOCKERFILE = (ROOT / "agent" / "Dockerfile").read_text()
USER = 65532
_CREDENTIALS = "/run/easel/credentials"
_END_SECONDS = 120


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    folder = tmp_path_factory.mktemp("containers")
    made = Containers(folder)
    yield made
    # Files of other users in it: pytest, which keeps three runs, would not be rid of them.
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def image(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Built by `make image`'s program."""
    containers.import_base(base_name(DOCKERFILE))
    dockerfile = tmp_path_factory.mktemp("build") / "Dockerfile"
    dockerfile.write_text(without_digest(DOCKERFILE))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "easel_packaging.image", "queue-agent", "--tag", "test"),
            *("--builder", "buildah", "--dockerfile", str(dockerfile)),
            *("--option=--pull=never", "--option=--network=host"),
        ],
        env=containers.environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == f"{IMAGE}\n"
    return IMAGE


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with Emulator(log_path=folder / "emulator.log") as emulator:
        proxy = AwsProxy(
            emulator.endpoint_url,
            log_path=folder / "proxy.log",
            environment=emulator.environment(),
        )
        with proxy:
            yield Cloud(emulator, proxy, AwsClients(emulator))


def run_options(*more: str) -> list[str]:
    """As the chart's security context has it; the machine's own limits are no subject here."""
    return [
        *("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "run", "--rm"),
        *("--pull", "never", "--network", "host", "--http-proxy=false"),
        *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp:rw,size=64m,mode=1777"),
        *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
        *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"),
        *more,
    ]


class Agent(ChildProcess):
    """The container; podman passes SIGTERM on to it, and has its exit status."""

    def __init__(
        self, containers: Containers, settings: dict[str, str], credentials: Path, log: Path
    ) -> None:
        self._containers = containers
        self._container = f"easel-agent-{uuid.uuid4().hex[:8]}"
        command = run_options(
            *("--name", self._container, "--env", "EASEL_*", "--env", "AWS_*"),
            *("--env", f"AWS_SHARED_CREDENTIALS_FILE={_CREDENTIALS}"),
            *("--volume", f"{credentials}:{_CREDENTIALS}:ro"),
            IMAGE,
        )
        super().__init__("agent", command, settings | containers.environment(), log)

    def end(self) -> None:
        super().end()
        self._containers.run("podman", "rm", "--force", "--ignore", self._container)


@pytest.fixture
def scenario(
    containers: Containers, image: str, cloud: Cloud, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Scenario]:
    del image  # it has been built
    credentials = tmp_path / "credentials"
    shutil.copyfile(cloud.emulator.credentials_path, credentials)
    os.chown(credentials, USER, USER)
    credentials.chmod(0o400)

    def agent(_: str, environment: dict[str, str], log: Path) -> ChildProcess:
        settings = {
            name: value for name, value in environment.items() if name[:4] in ("EASE", "AWS_")
        }
        return Agent(containers, settings, credentials, log)

    name = request.node.name.removeprefix("test_").replace("_", "-")[:40]
    setup = Setup(agents=1, service_seconds=0.2, make_agent=agent)
    with Scenario(cloud, name, tmp_path, setup) as running:
        yield running


def test_it_makes_a_picture(scenario: Scenario) -> None:
    scenario.submit_many(3)
    evidence = scenario.check()
    assert evidence.completed == scenario.accepted
    assert len(scenario.accepted) == 3


def test_sigterm_in_the_middle_of_a_task_loses_none(scenario: Scenario) -> None:
    (pod,) = scenario.pods
    # The warm-up is over then: else the slow job would be the warm-up's.
    scenario.submit_many(1)
    scenario.await_callbacks(1)
    pod.runtime.add_fault("slow", seconds=4)
    scenario.submit_many(4)
    scenario.await_work()
    job = pod.runtime.records()[-1]
    pod.agent.terminate()
    # podman itself may wait 20 s more ("Exceeded conmon timeout" in its log, seen here and in CI).
    assert pod.agent.wait(_END_SECONDS) == 0
    ended = pod.runtime.records()[-1]
    assert (ended["seed"], ended["outcome"]) == (job["seed"], "completed")
    # Those that it had not begun are for the next one.
    pod.agent.start()
    evidence = scenario.check()
    assert evidence.completed == scenario.accepted
    assert set(scenario.jobs().values()) == {1}


def test_it_can_write_nothing_and_has_no_rights(containers: Containers, image: str) -> None:
    program = """if True:
        import os, pathlib
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        denied = 0
        for folder in ("/", "/opt/easel", "/opt/easel/app", "/var", "/etc"):
            try:
                pathlib.Path(folder, "made").touch()
            except OSError:
                denied += 1
        print(os.getuid(), os.getgid(), status["CapEff"].strip(), status["CapBnd"].strip(), denied)
    """
    command = run_options("--entrypoint", "python", image, "-c", program)
    none = "0000000000000000"
    assert containers.run(*command).split() == [str(USER), str(USER), none, none, "5"]


def test_nothing_is_compiled_at_a_start(containers: Containers, image: str) -> None:
    program = """if True:
        import importlib.util, os, sys
        import easel_agent.__main__, easel_agent.runtimes.comfyui.adapter
        specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
        files = [spec.cached for spec in specs if spec is not None and spec.cached]
        print(len(files), *[one for one in files if not os.path.exists(one)])
    """
    count, *without = containers.run(
        *run_options("--entrypoint", "python", image, "-c", program)
    ).split()
    assert int(count) > 200
    assert without == []


def test_it_is_labelled_with_what_it_was_made_of(containers: Containers, image: str) -> None:
    form = '{{index .Labels "org.opencontainers.image.version"}} {{.Architecture}} {{.User}}'
    assert containers.run("podman", "image", "inspect", "--format", form, image) == (
        f"test amd64 {USER}:{USER}"
    )
