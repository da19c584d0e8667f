"""A URL stands for a file, a prompt that begins with "http" does not (R19, lesson 10)."""

import pytest

from easel_agent.media_formats import FILES, PICTURES
from easel_agent.urls import ContentUrl, find_urls, replace_values

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
        {"text_g": "https://x/a.png", "text_l": "http://x", "clip_l": "http://x"},
        {"positive": "http://x", "negative_2": "http://x", "notes": "http://x"},
        {"image": "a lamp, s3://bucket/a.png"},
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


@pytest.mark.parametrize(
    ("value", "address", "filename"),
    [
        ("https://example.com/a b.png", "https://example.com/a%20b.png", "a b.png"),
        (" https://example.com/a.png\n", "https://example.com/a.png", "a.png"),
        ("\u3000\ufeffhttp://x/\u732b.png\u200b", "http://x/\u732b.png", "\u732b.png"),
        ("https://example.com/a\r\n\tb.png", "https://example.com/ab.png", "ab.png"),
        (
            "https://example.com/a%20b+c.png?x=1#y",
            "https://example.com/a%20b+c.png?x=1#y",
            "a b+c.png",
        ),
        ("HTTPS://EXAMPLE.com/A.PNG", "HTTPS://EXAMPLE.com/A.PNG", "A.PNG"),
        ("https://example.com is a site", "https://example.com%20is%20a%20site", ""),
        ("http://user name@127.0.0.1/a.png", "http://user%20name@127.0.0.1/a.png", "a.png"),
        ("http://[/a.png", "http://[/a.png", ""),
        ("https://example.com", "https://example.com", ""),
        ("s3://bucket/in/a b  c.png", "s3://bucket/in/a b  c.png", "a b  c.png"),
        ("\ts3://bucket/a+b%20c.png \n", "s3://bucket/a+b%20c.png", "a+b%20c.png"),
        ("S3://bucket/in/a#b?c/d'\".png", "S3://bucket/in/a#b?c/d'\".png", "d'\".png"),
        (
            "s3://bucket/\u732b/\U0001f600.png",
            "s3://bucket/\u732b/\U0001f600.png",
            "\U0001f600.png",
        ),
    ],
)
def test_what_begins_as_a_url_is_one(value: str, address: str, filename: str) -> None:
    found = find_urls({"init_images": [value]})
    assert [(item.url, item.address, item.filename) for item in found] == [
        (value, address, filename)
    ]


@pytest.mark.parametrize(
    ("value", "like_words"),
    [
        ("https://example.com/a b.png", False),
        ("https://example.com/a b.png?signature=x", False),
        ("  https://example.com/a\n", False),
        ("s3://bucket/Screenshot 2025-01-02 at 11.22.33.png", False),
        ("https://example.com/1 is the model I mean", True),
        ("https://example.com/1.png is the model I mean.", True),
        ("https://example.com/1.png\nhttps://example.com/2.png", True),
        ("https://example.com/" + ".a?" * 1_000_000 + " x", True),
    ],
    ids=range(8),
)
def test_a_sentence_is_told_from_a_name_with_blanks(value: str, like_words: bool) -> None:
    assert ContentUrl(("value",), value).reads_like_words is like_words


def test_who_asks_says_which_files_belong_there() -> None:
    content = {"mask": "https://example.com/a.png"}
    assert [item.takes for item in find_urls(content, PICTURES)] == [PICTURES]
    assert [item.takes for item in find_urls(content)] == [FILES]


def test_a_key_with_blanks_is_a_url_and_a_prompt_with_one_is_a_prompt() -> None:
    # case 17
    url = "s3://bucket/in/Screenshot 2025-01-02 at 11.22.33.png"
    content = {"prompt": f"a lamp as in {url}", "steps": 1, "init_images": [url]}
    assert [item.path for item in find_urls(content)] == [("init_images", 0)]


def test_what_is_not_replaced_is_not_copied() -> None:
    untouched = {"args": [[], []]}
    content = {"init_images": ["a", "b"], "mask": "c", "scripts": untouched}
    replaced = replace_values(content, {("init_images", 0): "x", ("mask",): "y"})
    assert replaced == {"init_images": ["x", "b"], "mask": "y", "scripts": untouched}
    assert content == {"init_images": ["a", "b"], "mask": "c", "scripts": untouched}
    assert replaced["scripts"] is untouched


def test_two_values_of_one_container_are_both_replaced() -> None:
    content = {"units": [{"image": "a", "mask": "b"}, {"image": "c"}]}
    replaced = replace_values(
        content, {("units", 0, "image"): "1", ("units", 0, "mask"): "2", ("units", 1, "image"): "3"}
    )
    assert replaced == {"units": [{"image": "1", "mask": "2"}, {"image": "3"}]}
    assert content == {"units": [{"image": "a", "mask": "b"}, {"image": "c"}]}
