"""The image's parts, put together as agent/Dockerfile does, without a Docker engine."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from easel_local.services import IMAGE_ENVIRONMENT

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "agent" / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the image's /opt/easel: a virtual environment and the packages."""
    folder = tmp_path_factory.mktemp("image")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    requirements = ROOT / "requirements" / "agent.txt"
    subprocess.run(
        [folder / "bin" / "pip", "install", "-q", "--require-hashes", "-r", requirements],
        check=True,
    )
    for source in re.findall(r"^COPY (\S+/easel_\w+) ", DOCKERFILE, re.MULTILINE):
        shutil.copytree(ROOT / source, folder / "app" / Path(source).name)
    return folder


def run(image: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [image / "bin" / "python", *arguments],
        env={"PYTHONPATH": str(image / "app")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_every_module_of_the_agent_can_be_imported(image: Path) -> None:
    modules = [
        ".".join(file.relative_to(image / "app").with_suffix("").parts)
        for file in sorted((image / "app").rglob("*.py"))
        if file.name != "__main__.py"
    ]
    assert "easel_agent.worker" in modules
    done = run(image, "-c", f"import importlib; [importlib.import_module(m) for m in {modules}]")
    assert done.returncode == 0, done.stderr


def test_the_entrypoint_starts_the_agent(image: Path) -> None:
    # Exec form: a shell in between would keep SIGTERM from the agent (lesson 11).
    entrypoint = re.search(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert entrypoint is not None
    program, *arguments = json.loads(entrypoint[1])
    assert program == "python"
    done = run(image, *arguments)
    assert done.returncode == 2
    assert "EASEL_QUEUE_URL: Field required" in done.stderr


def test_a_start_compiles_nothing() -> None:
    # The base image has no bytecode of the standard library, and the container's root is read-only.
    (minor,) = set(re.findall(r"^FROM \S*python:(3\.\d+)\.", DOCKERFILE, re.MULTILINE))
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2].replace("\\\n", " ")
    (command,) = re.findall(r"^RUN (python -m compileall .*)$", last_stage, re.MULTILINE)
    *_, left_out, folder = command.split()
    assert folder == f"/usr/local/lib/python{minor}"
    # What is left out is nothing that the agent imports.
    skipped = re.compile(left_out.strip("'"))
    paths = [
        f"{folder}/{module.replace('.', '/')}.py"
        for module in modules_after(
            "import easel_agent.__main__, easel_agent.runtimes.comfyui.adapter"
        )
    ]
    assert [path for path in paths if skipped.search(path)] == []
    assert skipped.search(f"{folder}/idlelib/run.py")


def test_a_start_imports_only_what_its_runtime_needs() -> None:
    loaded = modules_after("import easel_agent.__main__")
    assert "botocore.session" in loaded
    assert not {"boto3", "s3transfer", "websockets"} & loaded
    assert not {name for name in loaded if name.startswith("easel_agent.runtimes.comfyui.adapter")}


def modules_after(imports: str) -> set[str]:
    """The names of all modules that a process has loaded after these imports."""
    program = f"{imports}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return set(done.stdout.decode().split())


def test_it_runs_as_nobody_from_a_pinned_base() -> None:
    assert re.search(r"^USER (?!0|root)\d+:\d+$", DOCKERFILE, re.MULTILINE)
    bases = re.findall(r"^FROM \S*python:(\S+)", DOCKERFILE, re.MULTILINE)
    assert bases
    assert all(re.match(r"3\.\d+\.\d+-slim-\w+", base) for base in bases)


def test_the_local_stack_runs_it_in_the_images_environment() -> None:
    for name, value in IMAGE_ENVIRONMENT.items():
        assert re.search(rf"^ +{name}={value}( |$)", DOCKERFILE, re.MULTILINE)
