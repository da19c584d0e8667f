"""The emulator's process: one port of 127.0.0.1, a clean start, a clean end."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError

from easel_local.emulator import Emulator, EmulatorError, EmulatorPlace, __main__, server

pytestmark = pytest.mark.integration

Client = Callable[..., Any]
ClientOf = Callable[[Emulator], Client]


def await_that(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def create_function(client: Client, source: str) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("function.py", source)
    client("lambda").create_function(
        FunctionName="function",
        Runtime="python3.13",
        Handler="function.handler",
        Role="arn:aws:iam::000000000000:role/function",
        Code={"ZipFile": package.getvalue()},
        Timeout=60,
    )


def test_listens_on_one_port_of_the_loopback_interface_only(emulator: Emulator) -> None:
    listening = [
        connection.laddr
        for process in family(emulator.pid)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    port = int(emulator.endpoint_url.rpartition(":")[2])
    assert [tuple(address) for address in listening] == [("127.0.0.1", port)]


def test_takes_the_port_it_is_given(log_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Emulator(log_path=log_path, place=EmulatorPlace(port)) as emulator:
        assert emulator.endpoint_url == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_one_clear_message(log_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"port {port} of 127.0.0.1 is taken"):
            Emulator(log_path=log_path, place=EmulatorPlace(port)).start()


def test_its_environment_leads_no_client_elsewhere(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-real-one")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/somewhere.pem")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "https://sns.example.com")
    environment = emulator.environment()
    assert environment["AWS_ENDPOINT_URL"] == emulator.endpoint_url
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"
    unwanted = {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_SNS"}
    assert not unwanted & environment.keys()
    assert environment["PATH"] == os.environ["PATH"]


def test_a_function_sees_nothing_of_the_callers_environment(
    log_path: Path, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASEL_TEST_SECRET", "not for functions")
    with Emulator(log_path=log_path) as emulator:
        client = client_of(emulator)
        create_function(client, "import os\ndef handler(event, context): return dict(os.environ)\n")
        answer = client("lambda").invoke(FunctionName="function")
        seen = json.load(answer["Payload"])
    assert seen["AWS_ENDPOINT_URL"] == emulator.endpoint_url
    assert "EASEL_TEST_SECRET" not in seen
    assert not Path(seen["HOME"]).is_relative_to(Path.home())


def test_keeps_its_state_over_a_restart(
    log_path: Path, tmp_path: Path, client_of: ClientOf
) -> None:
    state = tmp_path / "state"
    with Emulator(log_path=log_path, place=EmulatorPlace(state_dir=state)) as emulator:
        port = int(emulator.endpoint_url.rpartition(":")[2])
        client = client_of(emulator)
        url = client("sqs").create_queue(QueueName="kept")["QueueUrl"]
        client("sqs").send_message(QueueUrl=url, MessageBody="still here")
        client("s3").create_bucket(Bucket="kept")
        client("s3").put_object(Bucket="kept", Key="picture", Body=b"still here")
    with Emulator(log_path=log_path, place=EmulatorPlace(port, state_dir=state)) as emulator:
        client = client_of(emulator)
        received = client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)
        stored = client("s3").get_object(Bucket="kept", Key="picture")["Body"].read()
    assert [message["Body"] for message in received["Messages"]] == ["still here"]
    assert stored == b"still here"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_all_its_workers(
    number: signal.Signals,
    log_path: Path,
    client_of: ClientOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Killed, it cannot remove its scratch folder.
    monkeypatch.setenv("TMPDIR", str(log_path.parent))
    emulator = Emulator(log_path=log_path)
    emulator.start()
    try:
        processes = keep_busy(emulator, client_of(emulator))
        assert len(processes) > 1
        os.kill(emulator.pid, number)
        await_that(lambda: not is_alive(processes[0]))
    finally:
        emulator.stop()
    await_that(lambda: not any(is_alive(process) for process in processes))


def keep_busy(emulator: Emulator, client: Client) -> list[psutil.Process]:
    """Leaves a function running and a long poll waiting; the emulator and its workers."""
    create_function(client, "import time\ndef handler(event, context): time.sleep(event)\n")
    client("lambda").invoke(FunctionName="function", Payload=b"0")
    url = client("sqs").create_queue(QueueName="polled")["QueueUrl"]
    for call, arguments in (
        (client("lambda").invoke, {"FunctionName": "function", "Payload": b"50"}),
        (client("sqs").receive_message, {"QueueUrl": url, "WaitTimeSeconds": 20}),
    ):
        threading.Thread(target=ignoring_the_end, args=(call, arguments), daemon=True).start()
    return family(emulator.pid)


def ignoring_the_end(call: Any, arguments: dict[str, Any]) -> None:
    try:
        call(**arguments)
    except BotoCoreError:
        return


def is_alive(process: psutil.Process) -> bool:
    # Its parent, this process, has not asked for its status yet: a zombie is an ended process.
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_stop_leaves_no_file_behind(log_path: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    code = (
        "import sys; from pathlib import Path; from easel_local.emulator import Emulator\n"
        "with Emulator(log_path=Path(sys.argv[1])): print(len(list(Path(sys.argv[2]).iterdir())))"
    )
    environment = os.environ | {"TMPDIR": str(scratch)}
    during = subprocess.run(
        [sys.executable, "-c", code, str(log_path), str(scratch)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert during.stdout == "1\n"
    assert list(scratch.iterdir()) == []


def test_the_pinned_version_is_the_one_that_the_bridges_are_for() -> None:
    pins = (Path(__file__).parents[2] / "requirements" / "local.in").read_text().splitlines()
    assert f"ministack=={server.MINISTACK_VERSION}" in pins


def test_another_version_of_ministack_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "MINISTACK_VERSION", "9.9.9")
    assert __main__.main(["--port", "0", "--credentials", str(tmp_path / "credentials")]) == 1
    assert "ministack 9.9.9 is needed, found" in capsys.readouterr().err
