"""A URL stands for a file, a prompt that begins with "http" does not (R19, lesson 10)."""

import pytest

from easel_agent.urls import find_urls, replace_values

pytestmark = pytest.mark.unit


def test_urls_are_found_anywhere() -> None:
    content = {
        "init_images": ["https://example.com/a.png", "aGVsbG8="],
        "mask": "s3://bucket/mask.png",
        "alwayson_scripts": {
            "controlnet": {"args": [{"image": "HTTP://example.com/b.png?x=1", "weight": 1.0}]}
        },
    }
    assert {item.field: item.url for item in find_urls(content)} == {
        "init_images[0]": "https://example.com/a.png",
        "mask": "s3://bucket/mask.png",
        "alwayson_scripts.controlnet.args[0].image": "HTTP://example.com/b.png?x=1",
    }


@pytest.mark.parametrize(
    "content",
    [
        {"prompt": "https://example.com/a.png"},
        {"negative_prompt": "http://x"},
        {"hr_prompt": "http://x", "hr_negative_prompt": "http://x"},
        {"alwayson_scripts": {"ADetailer": {"args": [{"ad_prompt": "http://x"}]}}},
        {"6": {"inputs": {"text": "http://x"}, "class_type": "CLIPTextEncode"}},
        {"styles": ["http://x"]},
        {"image": "see https://example.com/a.png"},
        {"image": "https://example.com/a b.png"},
        {"image": "ftp://example.com/a.png"},
        {"image": "https://"},
        {"http://x": 1},
    ],
)
def test_what_is_no_url_of_a_file_stays(content: dict[str, object]) -> None:
    assert find_urls(content) == []


def test_replacing_leaves_the_original_alone() -> None:
    content = {"a": [{"b": "x"}, "y"], "c": "z"}
    replaced = replace_values(content, {("a", 0, "b"): "1", ("c",): "2"})
    assert replaced == {"a": [{"b": "1"}, "y"], "c": "2"}
    assert content == {"a": [{"b": "x"}, "y"], "c": "z"}
