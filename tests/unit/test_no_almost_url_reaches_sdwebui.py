"""SD WebUI fetches what begins like a URL itself, from any address: nothing of that reaches it.

Its rule (modules/api/api.py, decode_base64_to_image, 1.10.1): a value that starts with "http://" or
"https://" is fetched, redirects and all, where `api_enable_requests` is on, as it is by default.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_agent.urls import ContentUrl, find_texts

pytestmark = pytest.mark.unit

ALMOST = [
    "http://host/a b.png",
    "http://host/a.png ",
    " http://host/a.png",
    "http://host/a.png\n",
    "http://host/a\tb.png",
    "http://ho st/a.png",
    "http:// host/a.png",
    "http://host/a.png and then words",
    "http://host/a.png\u00a0",
    "http://host/\u3000a.png",
    "https://host",
    "https://host/a.png, https://host/b.png",
    "http://169.254.169.254/latest/meta-data/ x",
    "http://user name@host/a.png",
    "http://[::1/a.png",
    "http://host:port/a.png",
    "http://host/\x00.png",
    "http://\ufeffhost/a.png",
    "http://\\host/a.png",
    "http:///host/a.png",
    "http://http://host/a.png",
    "http://?",
    "http://#",
    "http://@",
]


def placed(content: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What the adapter makes of a content, and the URLs that it had fetched by the agent."""
    asked: list[str] = []

    def fetch(urls: Iterable[ContentUrl]) -> dict[str, bytes]:
        found = list(urls)
        asked.extend(item.url for item in found)
        return {item.url: b"a picture" for item in found}

    runtime = SdWebUi(
        "http://127.0.0.1:1", task_timeout_seconds=1, wait_seconds=1, dynamic_model=False
    )
    return runtime.place_inputs(content, fetch, Job()), asked


@pytest.mark.parametrize("url", ALMOST)
def test_what_begins_like_a_url_is_the_agents(url: str) -> None:
    content = {
        "init_images": ["aGVsbG8=", url],
        "mask": url,
        "image": url,
        "imageList": [{"data": url, "name": "a"}],
        "alwayson_scripts": {
            "controlnet": {"args": [{"image": {"image": url, "mask": url}, "input_image": url}]}
        },
    }
    ready, asked = placed(content)
    assert asked == [url] * 7
    left = [text for _, text in find_texts(ready) if text.lstrip().startswith(("http", "HTTP"))]
    assert left == []


def test_a_scheme_without_anything_behind_it_leads_nowhere() -> None:
    # SD WebUI would ask for it, and there is nobody to ask.
    ready, asked = placed({"mask": "http://  "})
    assert (ready, asked) == ({"mask": "http://  "}, [])
