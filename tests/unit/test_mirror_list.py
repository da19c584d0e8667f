"""What `easel mirror` takes for the list of an environment, and what Terraform gets of it."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from easel_deploy.command_line import command_group, run_command_line
from easel_deploy.pins import pulled
from easel_mirror.display import ConsoleDisplay
from easel_mirror.errors import RefusedError
from easel_mirror.manifest import Manifest
from easel_mirror.mirrored_settings import mirrored_settings, write_settings
from easel_mirror.report import Report, report_lines, result_as_json
from easel_mirror.settings import EnvironmentSettings, settings_of
from easel_mirror.survey import Found, OwnFound
from easel_mirror.verb import add_mirror
from easel_mirror.wanted import OwnImage, Wanted
from easel_mirror.wanted_list import wanted_list

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
ECR = "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn"


def found_settings(**more: Any) -> dict[str, Any]:
    return {
        "region": "cn-northwest-1",
        "name": "easel",
        "tags": {},
        "prefix": None,
        "karpenter": None,
        "keda": None,
        "architecture": None,
        "agent": {"repository": "easel/queue-agent", "tag": "0.1.0", "digest": None},
        "runtimes": {},
    } | more


def runtime(**more: Any) -> dict[str, Any]:
    return {"image": None, "chart": None, "values_file": None} | more


def listed(folder: Path = Path(), **more: Any) -> tuple[dict[str, Wanted], tuple[OwnImage, ...]]:
    wanted = wanted_list(settings_of(folder, found_settings(**more)), ECR)
    return {one.copied_to: one for one in wanted.copies}, wanted.own_images


def test_all_pins_are_on_the_list() -> None:
    copies, own = listed()
    assert copies.keys() == {f"easel/{one.copied_to}" for one in (*pulled.CHARTS, *pulled.IMAGES)}
    assert [(one.repository, one.wanted) for one in own] == [("easel/queue-agent", "0.1.0")]
    base = copies["easel/python"]
    assert base.whole
    assert base.source is not None
    assert base.source.wanted == pulled.AGENT_BASE_IMAGE.digest
    assert copies["easel/charts/keda"].source is None


def test_settings_move_versions_and_architectures() -> None:
    copies, _ = listed(karpenter="1.14.2", keda="2.20.3", architecture="arm64", prefix="m")
    assert copies["m/karpenter/controller"].tag == "1.14.2"
    assert copies["m/karpenter/karpenter-crd"].tag == "1.14.2"
    assert copies["m/kedacore/keda"].tag == copies["m/charts/keda"].app_version == "2.20.3"
    assert copies["m/karpenter/controller"].platform == "linux/arm64"
    assert copies["m/python"].platform == "linux/amd64"


def test_the_default_architecture_is_the_modules() -> None:
    text = (ROOT / "modules/eks-karpenter/variables.tf").read_text()
    (default,) = re.findall(r'architecture\s+= optional\(string, "(\w+)"\)', text)
    copies, _ = listed()
    assert copies == listed(architecture=default)[0]


def test_images_of_others_are_copied_and_own_ones_looked_for(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("runtime: {image: {repository: quay.io/me/y, tag: '2'}}")
    runtimes = {
        "a": runtime(image={"repository": "ghcr.io/me/x", "tag": "1", "digest": None}),
        "b": runtime(image={"repository": f"{ECR}/mine/z", "tag": "3"}),
        "c": runtime(
            values_file="more.yaml",
            chart={"repository": "oci://ghcr.io/me/sd-runtime", "version": "1.0.0+a"},
        ),
        "d": runtime(chart={"repository": "https://charts.example", "version": "1.0.1"}),
    }
    copies, own = listed(tmp_path, runtimes=runtimes)
    copy = copies["easel/ghcr.io/me/x"]
    assert (copy.settings_key, copy.platform) == ("ghcr.io/me/x:1", "linux/amd64")
    by_values = copies["easel/quay.io/me/y"]
    assert (by_values.tag, by_values.settings_key) == ("2", None)
    assert by_values.values_file == tmp_path / "more.yaml"
    assert copies["easel/ghcr.io/me/sd-runtime"].tag == "1.0.0_a"
    assert copies["easel/charts/sd-runtime"].chart == (
        "https://charts.example",
        "sd-runtime",
        "1.0.1",
    )
    assert [one.repository for one in own] == ["easel/queue-agent", "mine/z"]


def test_all_that_is_wrong_is_said_together(tmp_path: Path) -> None:
    runtimes = {
        "a": runtime(image={"repository": "ghcr.io/Me/x", "tag": "1"}),
        "b": runtime(image={"repository": "ghcr.io/me/x", "tag": None}),
    }
    settings = settings_of(tmp_path, found_settings(runtimes=runtimes))
    with pytest.raises(RefusedError) as error:
        wanted_list(settings, ECR, ("ghcr.io/a/b",))
    assert len(str(error.value).splitlines()) == 3
    (tmp_path / "bad.yaml").write_text("runtime: [1]")
    with pytest.raises(RefusedError, match=r"bad\.yaml: is no readable values file"):
        settings_of(tmp_path, found_settings(runtimes={"a": runtime(values_file="bad.yaml")}))


# -- what comes out -----------------------------------------------------------------------------


def found(name: str = "image x", **more: Any) -> Found:
    wanted = Wanted(name, None, "easel/x", "1", settings_key="ghcr.io/me/x:1")
    return Found(wanted, root=Manifest(b"{}", "x"), **more)


def test_terraform_gets_names_as_they_are_written(tmp_path: Path) -> None:
    chart = found("chart of runtime a")
    settings = mirrored_settings("easel", [found(), chart], ECR)
    digest = Manifest(b"{}", "x").digest
    assert settings["mirrored"] == {
        "images": {"ghcr.io/me/x:1": {"repository": "easel/x", "digest": digest}},
        "charts": {"ghcr.io/me/x:1": {"repository": f"oci://{ECR}/easel/x", "version": "1"}},
    }
    path = write_settings(tmp_path, settings)
    assert json.loads(path.read_text()) == settings
    assert [file.name for file in tmp_path.iterdir()] == ["mirror.auto.tfvars.json"]
    with pytest.raises(RefusedError):
        write_settings(tmp_path / "none", settings)


def test_what_registries_say_is_only_shown() -> None:
    evil = "\x1b]52;c;eA==\x07\nfake line"
    report = Report(
        ECR,
        [found(problem=f"404 {evil}")],
        [OwnFound(OwnImage("a", "easel/a", "1"), problem=evil)],
        warnings=[evil],
    )
    lines = report_lines(report)
    assert not any("\x1b" in line or "\n" in line for line in lines)
    assert "\x1b" not in result_as_json(report)
    out = io.StringIO()
    display = ConsoleDisplay(Console(file=out), 10)
    with display.shown():
        display.begin("sha256:00", evil, 10)
        display.moved("sha256:00", 10)
        display.end("sha256:00")
        display.say(evil)
    assert "\x1b" not in out.getvalue()


def test_bars_are_shown_at_a_terminal() -> None:
    out = io.StringIO()
    display = ConsoleDisplay(Console(file=out, force_terminal=True, width=120), 10)
    with display.shown():
        display.begin("sha256:" + "a" * 64, "image x", 10)
        display.moved("sha256:" + "a" * 64, 4)
        display.moved("sha256:" + "a" * 64, 10)
        display.end("sha256:" + "a" * 64)
    assert "image x" in out.getvalue()


def test_a_call_without_a_list_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    commands = command_group("")
    add_mirror(commands)
    for arguments, message in (
        (["--plan"], "name the environment"),
        (["--run", "--image", "x:1"], "name the environment"),
        (["--plan", "--image", "x:1", "--to", "host"], "is to be like"),
        (["--plan", "--env", "none", "--environments", str(tmp_path)], "is no environment"),
        (["--plan", "--env", "x", "--parallel", "0"], "--parallel"),
        (["--plan", "--env", "x", "--run"], "--plan or --run"),
        (["--plan", "--env", "x", "--platform", "x"], "--platform"),
    ):
        assert run_command_line(commands, "easel", ["mirror", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_the_prefix_is_the_environments(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, found_settings(prefix="copies"))
    assert isinstance(settings, EnvironmentSettings)
    assert settings.prefix == "copies"
    assert settings_of(tmp_path, found_settings()).prefix == "easel"
