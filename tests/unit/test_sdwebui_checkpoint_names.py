"""A checkpoint of SD WebUI is found under every name that users use, and no other is."""

import unicodedata
from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.sdwebui.api import SdWebUiApi
from easel_agent.runtimes.sdwebui.checkpoints import Checkpoint, Checkpoints

pytestmark = pytest.mark.unit

FOLDER = "/opt/ml/code/models/Stable-diffusion"
SHA = "a2" * 32


def listed(path: str, digits: str | None = None, sha256: str | None = None) -> dict[str, Any]:
    """An entry as AUTOMATIC1111 makes it of a file."""
    return {
        "title": f"{path} [{digits}]" if digits else path,
        "model_name": path.rpartition(".")[0].replace("/", "_"),
        "hash": digits,
        "sha256": sha256,
        "filename": f"{FOLDER}/{path}",
        "config": None,
    }


class Server(SdWebUiApi):
    """Lists checkpoints."""

    def __init__(self, *models: dict[str, Any]) -> None:
        super().__init__("http://127.0.0.1:9")
        self.models = list(models)
        self.arriving: list[dict[str, Any]] = []

    def get(self, path: str, *, seconds: float = 10, **parameters: str) -> Any:
        assert (path, seconds, parameters) == ("/sdapi/v1/sd-models", 10, {})
        return self.models

    def post(self, path: str, body: Any, seconds: float) -> bytes:
        assert (path, body, seconds) == ("/sdapi/v1/refresh-checkpoints", {}, 1)
        self.models += self.arriving
        return b"null"


def found(server: Server, name: str) -> Checkpoint:
    return Checkpoints(server).find(name, 1)


SUBFOLDER = (
    listed("base.safetensors", "00000000a1"),
    listed("anime/lamp-v3.safetensors", SHA[:10], SHA),
)


@pytest.mark.parametrize(
    "name",
    [
        "anime/lamp-v3.safetensors",
        "anime/lamp-v3",
        "lamp-v3.safetensors",
        "lamp-v3",
        "anime_lamp-v3",
        f"anime/lamp-v3.safetensors [{SHA[:10]}]",
        f"lamp-v3.safetensors[{SHA[:10]}]",
        f"lamp-v3 [{SHA[:8].upper()}]",
        SHA[:10],
        SHA,
        "Stable-diffusion/anime/lamp-v3.safetensors",
        "models/Stable-diffusion/anime/lamp-v3.safetensors",
        f"{FOLDER}/anime/lamp-v3.safetensors",
        "anime\\lamp-v3.safetensors",
        "  anime/lamp-v3.safetensors\n",
    ],
)
def test_one_in_a_subfolder_has_many_names(name: str) -> None:
    checkpoint = found(Server(*SUBFOLDER), name)
    assert checkpoint.path == "anime/lamp-v3.safetensors"
    assert checkpoint.made("lamp-v3", SHA[:10])
    assert checkpoint.made("anime_lamp-v3", None)
    assert not checkpoint.made("base", "00000000a1")
    assert not checkpoint.made("lamp-v3", "00000000a1")


@pytest.mark.parametrize(
    "name",
    [
        SHA[:10].upper(),
        SHA[:8],
        SHA[:12],
        f"[{SHA[:10]}]",
        "LAMP-V3.safetensors",
        "Anime/Lamp-v3",
        f"Lamp-V3.SafeTensors [{SHA[:10].upper()}]",
    ],
)
def test_capitals_and_other_lengths_of_its_hash_are_names_of_it_too(name: str) -> None:
    assert found(Server(*SUBFOLDER), name).path == "anime/lamp-v3.safetensors"


def test_the_exact_case_goes_before_another() -> None:
    server = Server(listed("Lamp.safetensors", "00000000a1"), listed("lamp.safetensors", SHA[:10]))
    assert found(server, "lamp").path == "lamp.safetensors"
    assert found(server, "Lamp.safetensors").path == "Lamp.safetensors"
    with pytest.raises(RejectedTaskError, match="several checkpoints"):
        found(server, "LAMP")


def test_letters_with_marks_are_the_same_in_either_writing() -> None:
    server = Server(listed(unicodedata.normalize("NFD", "ガラスの灯 v2.safetensors")))
    assert found(server, "ガラスの灯 v2").title == server.models[0]["title"]


@pytest.mark.parametrize("name", ["国风3.2_v3.ckpt", "国风3.2_v3", "国风3.2_v3.ckpt [00000000a2]"])
def test_a_chinese_name_with_dots(name: str) -> None:
    server = Server(listed("国风3.2.safetensors"), listed("国风3.2_v3.ckpt", "00000000a2"))
    assert found(server, name).path == "国风3.2_v3.ckpt"


def test_the_hash_decides_between_two_extensions_of_a_stem() -> None:
    server = Server(listed("lamp.safetensors", "00000000a1"), listed("lamp.ckpt", "00000000a2"))
    assert found(server, "lamp [00000000a2]").path == "lamp.ckpt"
    assert found(server, "lamp.ckpt").path == "lamp.ckpt"
    with pytest.raises(RejectedTaskError, match="several checkpoints"):
        found(server, "lamp")
    with pytest.raises(RejectedTaskError, match="has that hash"):
        found(server, "lamp.safetensors [00000000a2]")


@pytest.mark.parametrize("hashed", [True, False])
def test_brackets_in_a_name_are_part_of_it(hashed: bool) -> None:
    names = ["lamp [day].safetensors", "lamp [night].safetensors", "lamp [deadbeef].safetensors"]
    server = Server(
        *(listed(name, f"00000000a{n}" if hashed else None) for n, name in enumerate(names))
    )
    for name in names:
        assert found(server, name).path == name
        assert found(server, name.removesuffix(".safetensors")).path == name


def test_an_exact_name_goes_before_any_cut() -> None:
    server = Server(listed("lamp.safetensors", "deadbeef11"), listed("lamp [deadbeef].safetensors"))
    assert found(server, "lamp [deadbeef]").path == "lamp [deadbeef].safetensors"
    assert found(server, "lamp [deadbeef11]").path == "lamp.safetensors"


def test_dots_in_a_name_are_no_extension() -> None:
    server = Server(listed("v1.5-pruned.ckpt"), listed("v1.safetensors"))
    assert found(server, "v1.5-pruned").path == "v1.5-pruned.ckpt"
    assert found(server, "v1").path == "v1.safetensors"


def test_a_bare_name_in_two_folders_is_refused_and_both_are_named() -> None:
    server = Server(listed("anime/lamp.safetensors"), listed("real/lamp.safetensors"))
    with pytest.raises(RejectedTaskError, match=r"anime/lamp\.safetensors, real/lamp"):
        found(server, "lamp.safetensors")
    assert found(server, "real/lamp").path == "real/lamp.safetensors"


def test_a_file_at_the_top_goes_before_one_of_the_same_name_below() -> None:
    server = Server(listed("anime/lamp.safetensors"), listed("lamp.safetensors"))
    assert found(server, "lamp.safetensors").path == "lamp.safetensors"


@pytest.mark.parametrize("name", ["lamp-v3.safetensors [00000000]", "lamp-v3 [ffffffffff]"])
def test_a_wrong_hash_is_refused_and_the_right_one_told(name: str) -> None:
    with pytest.raises(RejectedTaskError, match=f"has that hash; known: .*{SHA[:10]}"):
        found(Server(*SUBFOLDER), name)


def test_a_hash_that_is_not_known_yet_is_believed_until_the_picture_tells() -> None:
    checkpoint = found(Server(listed("lamp.safetensors")), "lamp.safetensors [0123456789]")
    assert checkpoint.made("lamp", "0123456789")


@pytest.mark.parametrize("name", ["nope", "lamp", "v3", ".safetensors", "anime", "", "/"])
def test_a_part_of_a_name_is_no_name(name: str) -> None:
    with pytest.raises(RejectedTaskError, match=r"there is no checkpoint .*known: base"):
        found(Server(*SUBFOLDER), name)


def test_a_file_that_came_later_is_found() -> None:
    server = Server(*SUBFOLDER)
    server.arriving = [listed("new.safetensors")]
    assert found(server, "new").path == "new.safetensors"


def test_peers_without_extension_and_titles_on_windows_are_understood() -> None:
    server = Server(
        {"title": "rand-sd15-a", "model_name": "rand-sd15-a", "filename": "rand-sd15-a.safetensors"}
    )
    assert found(server, "rand-sd15-a.safetensors").title == "rand-sd15-a"
    windows = Server({"title": "anime\\lamp.ckpt [0123456789]", "model_name": "anime_lamp"})
    assert found(windows, "anime/lamp.ckpt").path == "anime/lamp.ckpt"


def test_a_long_name_is_told_in_short() -> None:
    with pytest.raises(RejectedTaskError) as refused:
        found(Server(*SUBFOLDER), "x" * 100_000)
    assert len(refused.value.error.message) < 1000
