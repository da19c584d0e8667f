"""`make image`: names, what the builders are told, and that no secret is among it."""

import json
import os
import re
from pathlib import Path

import pytest

from easel_packaging import image
from easel_packaging.image_builders import Build, BuilderError, Docker, Login, find_builder
from easel_packaging.image_names import RECIPES, problems_of

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = [
    (ROOT / "envs" / region / "terraform.tfvars").read_text()
    for region in ("us-east-1", "cn-northwest-1")
]
SAMPLES = {name: one for name, one in RECIPES.items() if one.is_sample}
PASSWORD = "the password of twelve hours"


def program(folder: Path, name: str, body: str = "") -> None:
    """Puts a program on the path that writes down its arguments and its standard input."""
    file = folder / name
    log = folder / "calls"
    file.write_text(
        "#!/usr/bin/env python3\nimport json, os, sys\n"
        f"{body}\n"
        "told = sys.stdin.read() if sys.argv[1] == 'login' else ''\n"
        f"open({str(log)!r}, 'a').write(json.dumps([sys.argv[1:], told]) + '\\n')\n"
    )
    file.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is in front of the few programs that a script needs."""
    for name in ("docker", "buildah", "podman"):
        assert not (tmp_path / name).exists()
    python = Path(os.environ["PATH"].split(os.pathsep)[0])
    (tmp_path / "env").symlink_to("/usr/bin/env")
    for interpreter in ("/usr/bin/python3", "/usr/local/bin/python3", str(python / "python3")):
        if Path(interpreter).exists():
            (tmp_path / "python3").symlink_to(interpreter)
            break
    monkeypatch.setenv("PATH", str(tmp_path))
    # Where `make sbom` has brought syft, it would look into images that nobody has built.
    monkeypatch.setattr(image, "_SYFT", Path("no-syft"))
    return tmp_path


def calls(folder: Path) -> list[tuple[list[str], str]]:
    lines = (folder / "calls").read_text().splitlines()
    return [(words, told) for words, told in map(json.loads, lines)]


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_built_is_what_the_environments_name(name: str) -> None:
    recipe = RECIPES[name]
    line = rf'repository = "{recipe.repository}", tag = "{re.escape(recipe.tag)}"'
    assert all(re.search(line, settings) for settings in SETTINGS)
    assert (ROOT / recipe.dockerfile).is_file()
    assert problems_of(recipe.repository, recipe.tag, "") == []


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_pinned_and_say_whose_they_are(name: str) -> None:
    text = (ROOT / SAMPLES[name].dockerfile).read_text()
    assert re.findall(r"^FROM .*", text, re.MULTILINE) == [
        re.findall(r"^FROM .*", (ROOT / "agent/Dockerfile").read_text(), re.MULTILINE)[-1]
    ]
    commits = re.findall(r"^ARG \w+_COMMIT=(\S*)$", text, re.MULTILINE)
    assert commits
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in commits)
    versions = re.findall(r"^ARG \w+_VERSION=(\S*)$", text, re.MULTILINE)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+(\.post\d+)?", version) for version in versions)
    assert "SAMPLE" in text
    assert "GPL-3.0" in text
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["65532:65532"]
    assert re.search(r'^ENTRYPOINT \["tini", "--"\]$', text, re.MULTILINE)
    assert SAMPLES[name].tag in (ROOT / "images" / "README.md").read_text()


def test_samples_load_without_mmap_where_the_chart_has_models() -> None:
    webui, comfyui = ((ROOT / one.dockerfile).read_text() for one in SAMPLES.values())
    assert "WORKDIR /opt/ml/code\n" in webui
    assert "WORKDIR /opt/ml/code\n" in comfyui
    assert """printf '{"disable_mmap_load_safetensors": true}""" in webui
    (command,) = re.findall(r"^CMD (\[.*\])$", comfyui, re.MULTILINE)
    assert json.loads(command)[-3:] == ["--listen", "0.0.0.0", "--disable-mmap"]


@pytest.mark.parametrize(
    ("repository", "tag", "registry", "word"),
    [
        ("Easel/agent", "1", "", "no repository"),
        ("r.example:5000/agent", "1", "", "no repository"),
        ("easel/agent", "a b", "", "no tag"),
        ("easel/agent", "latest", "", "latest"),
        ("easel/agent", "1", "r.example/easel", "ends in /"),
        ("easel/agent", "1", "--option/", "cannot stand"),
    ],
)
def test_names_are_checked(repository: str, tag: str, registry: str, word: str) -> None:
    (problem,) = problems_of(repository, tag, registry)
    assert word in problem


def test_all_names_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert image.main(["--repository", "A", "--tag", "b c", "--registry", "d"]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 3


def test_without_a_builder_a_person_is_told_what_to_install(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert image.main([]) == 1
    said = capsys.readouterr().err
    assert "docker: it is not on PATH" in said
    assert "podman: it is not on PATH" in said
    assert "apt install buildah" in said
    program(path, "docker", "sys.exit(1)")
    assert image.main([]) == 1
    assert "docker: its engine does not answer" in capsys.readouterr().err


def test_the_next_builder_is_taken_where_dockers_engine_is_away(path: Path) -> None:
    program(path, "docker", "sys.exit(1)")
    program(path, "podman")
    assert find_builder().name == "podman"
    with pytest.raises(BuilderError, match="docker"):
        find_builder("docker")


def test_amd64_is_built_whatever_the_machine_is(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(path, "buildah")
    assert image.main(["--registry", "r.example/easel/", "--option=--no-cache"]) == 0
    assert capsys.readouterr().out == "localhost/easel/queue-agent:0.1.0\n"
    words = calls(path)[1][0]
    assert words[0] == "build"
    assert words[words.index("--platform") + 1] == "linux/amd64"
    assert words[words.index("--build-arg") + 1] == "REGISTRY=r.example/easel/"
    assert words[words.index("--file") + 1] == str(ROOT / "agent" / "Dockerfile")
    assert "org.opencontainers.image.version=0.1.0" in words
    assert words[-2:] == ["--no-cache", str(ROOT)]


@pytest.mark.parametrize(("driver", "attests"), [("docker", False), ("docker-container", True)])
def test_docker_attests_where_its_driver_can_and_hears_the_password_on_its_input(
    path: Path, driver: str, attests: bool
) -> None:
    program(path, "docker", f"print('Name: a') or print('Driver:        {driver}')")
    build = Build("r.example/a:1", Path("Dockerfile"), Path(), "linux/amd64")
    docker = Docker(str(path / "docker"))
    assert docker.attests() is attests
    docker.push(build, Login("r.example", "AWS", PASSWORD), path)
    made = calls(path)
    words = [one for one, _ in made]
    assert [told for one, told in made if one[0] == "login"] == [PASSWORD]
    assert PASSWORD not in json.dumps(words)
    (pushing,) = [one for one in words if "--push" in one]
    assert ("--provenance=mode=max" in pushing) is attests
    assert ("--sbom=true" in pushing) is attests
    assert words[-1] == ["logout", "r.example"]


def test_a_login_hides_its_password() -> None:
    assert PASSWORD not in repr(Login("r.example", "AWS", PASSWORD))
