"""The pictures of the simulated SD WebUI: sizes, seeds, text chunks, what they depend on."""

import json
from collections.abc import Iterator

import pytest
from PIL import Image, ImageChops, ImageStat

from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui

from .simulated_runtime import Client, as_text, client_of, opened

pytestmark = pytest.mark.integration

CAPTION_COLOUR = (250, 250, 250)
INFOTEXT = (
    "a cat\nSteps: 20, Sampler: Euler, Schedule type: Automatic, CFG scale: 7.0, Seed: 1, "
    "Size: 64x64, Model: m, Version: 1.10.1"
)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        SimulatedSdWebui(Behaviour(models=("m",), hashing=False)) as webui,
        client_of(webui.url) as client,
    ):
        yield client


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGB", size, colour)


def test_same_prompt_and_seed_give_the_same_bytes_on_every_server(client: Client) -> None:
    with (
        SimulatedSdWebui(Behaviour(models=("m",), hashing=False)) as other,
        client_of(other.url) as b,
    ):
        assert client.generate()["images"] == b.generate()["images"]


@pytest.mark.parametrize("change", [{"seed": 2}, {"prompt": "a dog"}])
def test_another_seed_or_prompt_gives_other_pixels(
    client: Client, change: dict[str, object]
) -> None:
    first, second = (opened(client.generate(**body)["images"][0]) for body in ({}, change))
    assert ImageChops.difference(first, second).getbbox() is not None


@pytest.mark.parametrize(
    ("asked", "made"), [((64, 64), (64, 64)), ((512, 768), (512, 768)), ((65, 71), (64, 64))]
)
def test_size_is_the_one_asked_for_in_whole_latent_pixels(
    client: Client, asked: tuple[int, int], made: tuple[int, int]
) -> None:
    answer = client.generate(width=asked[0], height=asked[1])
    picture = opened(answer["images"][0])
    assert (picture.format, picture.size) == ("PNG", made)


def test_hires_fix_enlarges(client: Client) -> None:
    answer = client.generate(enable_hr=True, hr_scale=2, denoising_strength=0.5)
    assert opened(answer["images"][0]).size == (128, 128)


def lettering(client: Client, prompt: str) -> tuple[int, int, int, int] | None:
    """The box around the pixels of the caption's colour, which no shape is drawn in."""
    picture = opened(client.generate(prompt=prompt, width=256, height=256)["images"][0])
    away = ImageChops.difference(picture, flat(CAPTION_COLOUR, picture.size)).convert("L")
    return away.point(lambda value: 255 * (value == 0)).getbbox()


def test_prompt_is_written_on_the_picture(client: Client) -> None:
    assert lettering(client, "") is None
    short, long = lettering(client, "A dog"), lettering(client, "A dog runs")
    assert short is not None
    assert long is not None
    assert short[3] - short[1] > 15, "letters are at least this high"
    assert long[2] - long[0] > 1.5 * (short[2] - short[0])


def test_text_chunk_is_the_infotext(client: Client) -> None:
    answer = client.generate()
    assert opened(answer["images"][0]).info["parameters"] == INFOTEXT
    assert json.loads(answer["info"])["infotexts"] == [INFOTEXT]


def test_other_scripts_in_a_prompt_survive_in_the_text_chunk(client: Client) -> None:
    answer = client.generate(prompt="一只猫, ночь")
    assert opened(answer["images"][0]).info["parameters"].startswith("一只猫, ночь\n")


def test_batches_and_iterations_count_the_seeds_up(client: Client) -> None:
    answer = client.generate(seed=41, batch_size=2, n_iter=2)
    chunks = [opened(image).info["parameters"] for image in answer["images"]]
    seeds = [chunk[chunk.index("Seed") : chunk.index(", Size")] for chunk in chunks]
    assert seeds == ["Seed: 41", "Seed: 42", "Seed: 43", "Seed: 44"]
    assert json.loads(answer["info"])["all_seeds"] == [41, 42, 43, 44]
    assert answer["images"][1] == client.generate(seed=42)["images"][0]


def test_seed_minus_one_is_random_and_told(client: Client) -> None:
    infos = [json.loads(client.generate(seed=-1)["info"]) for _ in range(2)]
    assert infos[0]["seed"] != infos[1]["seed"]
    assert all(f"Seed: {info['seed']}," in info["infotexts"][0] for info in infos)


def test_random_seeds_can_be_repeated() -> None:
    seeds = []
    for _ in range(2):
        with SimulatedSdWebui(Behaviour(seed=7)) as webui, client_of(webui.url) as client:
            seeds.append(json.loads(client.generate(seed=-1)["info"])["seed"])
    assert seeds[0] == seeds[1]


def image_to_image(client: Client, start: Image.Image, **body: object) -> Image.Image:
    request = {"prompt": "a cat", "seed": 1, "width": 64, "height": 64, **body}
    answer = client.post("/sdapi/v1/img2img", {"init_images": [as_text(start)], **request})
    assert answer.status_code == 200, answer.text
    return opened(answer.json()["images"][0])


def test_image_to_image_shows_the_initial_picture(client: Client) -> None:
    red, blue = (
        image_to_image(client, flat(colour), denoising_strength=0.5)
        for colour in ((255, 0, 0), (0, 0, 255))
    )
    assert ImageStat.Stat(red).mean[0] > ImageStat.Stat(blue).mean[0] + 100
    assert ImageStat.Stat(blue).mean[2] > ImageStat.Stat(red).mean[2] + 100


def test_image_to_image_without_denoising_is_the_initial_picture(client: Client) -> None:
    made = image_to_image(client, flat((1, 2, 3), (96, 80)), denoising_strength=0)
    assert made.getcolors() == [(64 * 64, (1, 2, 3))]


@pytest.mark.parametrize(("inverted", "kept"), [(0, (0, 0, 32, 64)), (1, (32, 0, 64, 64))])
def test_only_the_masked_part_changes(
    client: Client, inverted: int, kept: tuple[int, int, int, int]
) -> None:
    mask = flat((0, 0, 0))
    mask.paste((255, 255, 255), (32, 0, 64, 64))
    made = image_to_image(
        client,
        flat((0, 255, 0)),
        mask=as_text(mask),
        inpainting_mask_invert=inverted,
        denoising_strength=1,
    )
    assert made.crop(kept).getcolors() == [(32 * 64, (0, 255, 0))]
    assert ImageChops.difference(made, flat((0, 255, 0))).getbbox() is not None


def test_several_initial_pictures_make_a_batch(client: Client) -> None:
    starts = [as_text(flat((value, value, value))) for value in (10, 200)]
    body = {
        "init_images": starts,
        "batch_size": 2,
        "denoising_strength": 0,
        "width": 64,
        "height": 64,
    }
    images = client.post("/sdapi/v1/img2img", body).json()["images"]
    assert [opened(image).getpixel((5, 5)) for image in images] == [(10, 10, 10), (200, 200, 200)]
    assert client.post("/sdapi/v1/img2img", {**body, "batch_size": 1}).status_code == 500


def upscaled(client: Client, picture: Image.Image, **body: object) -> Image.Image:
    answer = client.post("/sdapi/v1/extra-single-image", {"image": as_text(picture), **body})
    assert answer.status_code == 200, answer.text
    return opened(answer.json()["image"])


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ({"upscaler_1": "Lanczos"}, (192, 128)),
        ({"upscaler_1": "Nearest", "upscaling_resize": 3}, (288, 192)),
        ({"upscaler_1": "R-ESRGAN 4x+", "upscaling_resize": 1.5}, (144, 96)),
        ({"upscaling_resize": 2}, (96, 64)),
        (
            {
                "upscaler_1": "Lanczos",
                "resize_mode": 1,
                "upscaling_resize_w": 200,
                "upscaling_resize_h": 200,
            },
            (200, 200),
        ),
        (
            {
                "upscaler_1": "Lanczos",
                "resize_mode": 1,
                "upscaling_resize_w": 200,
                "upscaling_resize_h": 200,
                "upscaling_crop": False,
            },
            (300, 200),
        ),
    ],
)
def test_upscaling_gives_the_size(
    client: Client, body: dict[str, object], size: tuple[int, int]
) -> None:
    assert upscaled(client, flat((9, 9, 9), (96, 64)), **body).size == size


def test_nearest_repeats_pixels(client: Client) -> None:
    start = flat((255, 0, 0), (4, 2))
    start.paste((0, 0, 255), (2, 0, 4, 2))
    made = upscaled(client, start, upscaler_1="Nearest", upscaling_resize=2)
    assert made.crop((0, 0, 4, 4)).getcolors() == [(16, (255, 0, 0))]
    assert made.crop((4, 0, 8, 4)).getcolors() == [(16, (0, 0, 255))]


def test_second_upscaler_is_blended_in(client: Client) -> None:
    start = opened(client.generate()["images"][0])
    first, both = (
        upscaled(
            client,
            start,
            upscaler_1="Lanczos",
            upscaler_2="Nearest",
            extras_upscaler_2_visibility=visibility,
        )
        for visibility in (0, 1)
    )
    nearest = upscaled(client, start, upscaler_1="Nearest")
    assert ImageChops.difference(both, nearest).getbbox() is None
    assert ImageChops.difference(first, both).getbbox() is not None


def test_batch_of_extras_keeps_the_order(client: Client) -> None:
    files = [
        {"data": as_text(flat((value, 0, 0), (8, 8))), "name": f"{value}.png"} for value in (3, 90)
    ]
    body = {"imageList": files, "upscaler_1": "Nearest"}
    images = client.post("/sdapi/v1/extra-batch-images", body).json()["images"]
    assert [opened(image).getpixel((0, 0)) for image in images] == [(3, 0, 0), (90, 0, 0)]


def test_png_info_reads_what_was_written(client: Client) -> None:
    prompt = 'a "cat", on\na mat: red'
    image = client.generate(prompt=prompt, negative_prompt="bad, ugly")["images"][0]
    answer = client.post("/sdapi/v1/png-info", {"image": image}).json()
    assert answer["parameters"]["Prompt"] == prompt
    assert answer["parameters"]["Negative prompt"] == "bad, ugly"
    assert (answer["parameters"]["Size-1"], answer["parameters"]["Seed"]) == ("64", "1")


def test_pictures_can_be_jpeg_or_webp() -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        for name, made in (("jpg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")):
            assert client.post("/sdapi/v1/options", {"samples_format": name}).status_code == 200
            assert opened(client.generate()["images"][0]).format == made


def test_benchmark_pictures_have_the_size_in_bytes() -> None:
    behaviour = Behaviour(picture_bytes=400_000)
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        images = client.generate(batch_size=2, seed=-1)["images"]
    assert [len(image) for image in images] == [(400_000 + 2) // 3 * 4] * 2
    assert opened(images[0]).size == (64, 64)
