"""Where Terraform is told to find its provider."""

from pathlib import Path

import pytest

from easel_deploy import terraform_config
from easel_deploy.terraform_config import TerraformConfigError, main, write_cli_config

pytestmark = pytest.mark.unit

PROVIDER = "registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64"


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TF_PLUGIN_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(terraform_config, "OPTIONAL_SOFTWARE", tmp_path / "opt")


def mirror(folder: Path) -> Path:
    (folder / PROVIDER).mkdir(parents=True)
    return folder


def test_without_a_mirror_the_registry_is_used(tmp_path: Path) -> None:
    path = write_cli_config(tmp_path / "out")
    assert path == tmp_path / "out" / "terraform.rc"
    text = path.read_text()
    assert "provider_installation" not in text
    assert f'plugin_cache_dir = "{tmp_path}/out/plugin-cache"' in text
    assert (tmp_path / "out" / "plugin-cache").is_dir()


@pytest.mark.parametrize(
    "place",
    [
        "home/.terraform.d/plugins",
        "home/.local/share/terraform/plugins",
        "share/terraform/plugins",
        "opt/anything",
    ],
)
def test_a_mirror_in_a_usual_place_is_found(tmp_path: Path, place: str) -> None:
    found = mirror(tmp_path / place)
    text = write_cli_config(tmp_path / "out").read_text()
    assert f'path    = "{found}"' in text
    assert 'include = ["hashicorp/aws"]' in text
    assert 'exclude = ["hashicorp/aws"]' in text


def test_an_empty_folder_is_no_mirror(tmp_path: Path) -> None:
    (tmp_path / "opt" / "mirror" / PROVIDER).parents[1].mkdir(parents=True)
    assert "filesystem_mirror" not in write_cli_config(tmp_path / "out").read_text()


def test_tf_plugin_dir_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror(tmp_path / "opt" / "mirror")
    chosen = mirror(tmp_path / "chosen")
    monkeypatch.setenv("TF_PLUGIN_DIR", str(chosen))
    assert f'"{chosen}"' in write_cli_config(tmp_path / "out").read_text()


def test_a_wrong_tf_plugin_dir_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path / "nothing"))
    with pytest.raises(TerraformConfigError, match=r"TF_PLUGIN_DIR=.*nothing holds no"):
        write_cli_config(tmp_path / "out")
    assert main([str(tmp_path / "out")]) == 1
    assert "unset it to use the registry" in capsys.readouterr().err


def test_a_folder_with_odd_characters_is_written_safely(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" ${folder}'
    text = write_cli_config(folder).read_text()
    assert r"a \"quoted\" $${folder}/plugin-cache" in text


def test_the_command_prints_the_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/terraform.rc\n"
    assert main([]) == 2
