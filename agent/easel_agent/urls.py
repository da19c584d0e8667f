"""Finds URLs that stand for a file in a task's content, and puts the file in their place (R19)."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_URL = re.compile(r"(?:https?|s3)://\S+", re.IGNORECASE)

_PROSE = re.compile(r"(?:.*_)?(?:prompt|prompts|text|caption|styles?)", re.IGNORECASE)
"""Names of fields that hold a person's words: a prompt may begin with "http"."""

Path = tuple[str | int, ...]
"""Keys and indexes that lead from the content to a value."""


@dataclass(frozen=True)
class ContentUrl:
    """A URL in the content.

    Attributes:
        path: where it stands.
        url: as it stands there.
    """

    path: Path
    url: str

    @property
    def field(self) -> str:
        """The path as a person writes it, such as `init_images[0]`."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}"
        return text.removeprefix(".")


def find_urls(content: Mapping[str, Any]) -> list[ContentUrl]:
    """Finds every string in the content that is an HTTP(S) or S3 URL, outside prose.

    A string that only contains a URL, or has a space in it, is not one.
    """
    return list(_find(dict(content), ()))


def replace_values(content: Mapping[str, Any], values: Mapping[Path, str]) -> dict[str, Any]:
    """Returns a copy of the content with other strings at some paths."""
    replaced: dict[str, Any] = copy.deepcopy(dict(content))
    for path, value in values.items():
        parent: Any = replaced
        for part in path[:-1]:
            parent = parent[part]
        parent[path[-1]] = value
    return replaced


def _find(value: Any, path: Path) -> Iterator[ContentUrl]:
    # The parser bounds the depth of what comes here, so recursion is safe.
    if isinstance(value, str):
        if _URL.fullmatch(value):
            yield ContentUrl(path, value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not _PROSE.fullmatch(key):
                yield from _find(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find(item, (*path, index))
