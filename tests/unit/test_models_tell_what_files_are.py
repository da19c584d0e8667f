"""Headers of safetensors files: read within bounds, refused when wrong, and what their keys say."""

import json

import pytest

from easel_models.folders import FOLDERS, Runtime, extension_of, meant_folder, with_extension
from easel_models.kinds import Family, Kind, Model, recognise
from easel_models.safetensors_header import MAX_HEADER_BYTES, HeaderError, read_header
from easel_models.upscalers import UPSCALERS, key_of_upscaler
from tests import safetensors_files as files

pytestmark = pytest.mark.unit


def read(content: bytes) -> object:
    return read_header(lambda offset, length: content[offset : offset + length], len(content))


def with_header(value: object, data: int = 0) -> bytes:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data)


def test_a_header_is_read_by_its_ranges_alone() -> None:
    content = files.safetensors(files.SDXL | {f"filler.{n}": (1,) for n in range(5000)})
    asked: list[tuple[int, int]] = []

    def ranges(offset: int, length: int) -> bytes:
        asked.append((offset, length))
        return content[offset : offset + length]

    header = read_header(ranges, len(content))
    assert len(header.shapes) == len(files.SDXL) + 5000
    head = 8 + int.from_bytes(content[:8], "little")
    # Not a byte of a tensor beyond the first look.
    assert asked == [(0, 65536), (65536, head - 65536)]


def test_metadata_is_strings() -> None:
    content = files.safetensors(files.SD1, {"ss_base_model_version": "sd_v1"})
    header = read_header(lambda offset, length: content[offset : offset + length], len(content))
    assert header.metadata == {"ss_base_model_version": "sd_v1"}
    assert set(header.shapes) == set(files.SD1)


TENSOR = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
WHOLE = files.safetensors(files.SD1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it has 0 bytes"),
        (b"1234567", "it has 7 bytes"),
        (b"\x80\x02}q\x00(X\x0f\x00\x00", "does not begin"),
        (bytes(64), "does not begin"),
        ((MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b"{", "does not begin"),
        ((100).to_bytes(8, "little") + b"{}", "its header ends at byte 108"),
        (with_header(b"{not json}"), "no JSON"),
        (with_header(b'{"a":' * 60_000), "no JSON"),
        (with_header({"a": 1}), "without shape or offsets of 'a'"),
        (with_header({"a": {"shape": [1], "data_offsets": [0]}}), "without shape or offsets"),
        (with_header({"a": TENSOR | {"shape": [-1]}}, 4), "wrong numbers"),
        (with_header({"a": TENSOR | {"data_offsets": [4, 0]}}, 4), "wrong numbers"),
        (with_header({"a": TENSOR | {"data_offsets": [0, True]}}, 1), "wrong numbers"),
        (with_header({"a": TENSOR}, 3), "take 4 bytes, and 3 are there"),
        (with_header({"a": TENSOR}, 5), "1 bytes behind"),
        (WHOLE[:-1], "cut off"),
        (b"<!DOCTYPE html><html>not found</html>", "does not begin"),
    ],
)
def test_what_is_no_whole_file_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(HeaderError, match=why):
        read(content)


@pytest.mark.parametrize(
    ("shapes", "model"),
    [
        (files.SD1, Model(Kind.CHECKPOINT, Family.SD1)),
        (files.SD2, Model(Kind.CHECKPOINT, Family.SD2)),
        (files.SDXL, Model(Kind.CHECKPOINT, Family.SDXL)),
        (files.FLUX, Model(Kind.CHECKPOINT, Family.FLUX)),
        (files.FLUX_ALONE, Model(Kind.DIFFUSION_MODEL, Family.FLUX)),
        (files.LORA_SD1, Model(Kind.LORA, Family.SD1)),
        (files.LORA_SDXL, Model(Kind.LORA, Family.SDXL)),
        (files.LORA_FLUX, Model(Kind.LORA, Family.FLUX)),
        (files.CONTROLNET_SD1, Model(Kind.CONTROLNET, Family.SD1)),
        (files.CONTROL_LORA, Model(Kind.CONTROLNET)),
        (files.VAE_ALONE, Model(Kind.VAE)),
        (files.TEXT_ENCODER, Model(Kind.TEXT_ENCODER)),
        (files.EMBEDDING, Model(Kind.EMBEDDING)),
        (files.ESRGAN, Model(Kind.UPSCALER)),
        ({"weight": (1,)}, Model(Kind.UNKNOWN)),
        ({}, Model(Kind.UNKNOWN)),
    ],
)
def test_the_tensors_say_what_a_file_is(shapes: files.Shapes, model: Model) -> None:
    assert recognise(shapes) == model


@pytest.mark.parametrize(
    ("shapes", "runtimes"),
    [
        (files.SD1, {Runtime.SDWEBUI, Runtime.COMFYUI}),
        (files.SDXL, {Runtime.SDWEBUI, Runtime.COMFYUI}),
        (files.FLUX, {Runtime.COMFYUI}),
        (files.LORA_FLUX, {Runtime.COMFYUI}),
        (files.FLUX_ALONE, set()),
        (files.ESRGAN, {Runtime.COMFYUI}),
    ],
)
def test_which_runtime_could_load_it(shapes: files.Shapes, runtimes: set[Runtime]) -> None:
    assert {one for one in Runtime if recognise(shapes).runs_on(one)} == runtimes


@pytest.mark.parametrize(
    ("name", "is_safetensors", "expected"),
    [
        ("v1-5.safetensors", True, "v1-5.safetensors"),
        ("download", False, "download.ckpt"),
        ("download", True, "download.safetensors"),
        ("anything-v4.5", False, "anything-v4.5.ckpt"),
        ("dream.shaper_8", False, "dream.shaper_8.ckpt"),
        ("Stable-diffusion/a.b/model", False, "Stable-diffusion/a.b/model.ckpt"),
        ("model.CKPT", False, "model.CKPT"),
    ],
)
def test_a_file_without_extension_gets_one(name: str, is_safetensors: bool, expected: str) -> None:
    assert with_extension(name, is_safetensors=is_safetensors) == expected


def test_extensions_are_of_letters_and_no_versions() -> None:
    assert [extension_of(name) for name in ("a.pth", "a.1", ".hidden", "b.", "c.7z")] == [
        *(".pth", "", "", "", ""),
    ]


def test_folders_are_told_whatever_their_capitals() -> None:
    assert meant_folder("stable-diffusion") == "Stable-diffusion"
    assert meant_folder("lora") == "Lora"
    assert meant_folder("checkpoints") is None
    assert len(FOLDERS) == 15


def test_the_ten_upscalers_files_lie_where_sd_webui_looks() -> None:
    assert len(UPSCALERS) == 10
    for upscaler in UPSCALERS:
        for file in upscaler.files:
            for key in file.keys:
                folder, _, name = key.partition("/")
                assert Runtime.SDWEBUI in FOLDERS[folder].runtimes(extension_of(name)), key


def test_an_upscalers_file_is_known_by_either_name() -> None:
    assert key_of_upscaler("scunet_color_real_psnr.pth") == "ScuNET/ScuNET PSNR.pth"
    assert key_of_upscaler("RealESRGAN_x4plus.pth") == "RealESRGAN/RealESRGAN_x4plus.pth"
    assert key_of_upscaler("4x-UltraSharp.pth") == "ESRGAN/4x-UltraSharp.pth"
    assert key_of_upscaler("model.ckpt") is None
    assert key_of_upscaler("other.pth") is None
