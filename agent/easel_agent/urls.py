"""Finds URLs that stand for a file in a task's content, and puts the file in their place (R19).

What begins like a URL is one, outside prose, whatever follows: SD WebUI fetches such a value itself
where we leave it, from any address and without bounds. So a blank in it is a blank in a path.

S3 URLs are taken as S3's console and `aws s3` show them, with the key as it is: blanks, `+`, `%20`,
`#`, `?` and quotes are letters of the key. There is no second try with the key decoded, as both
objects may exist, and a denied request tells nothing of either.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import unquote, urlsplit

from easel_agent.media_formats import FILES, MediaKind

# Zero-width blanks and the byte order mark come with what people copy from pages and documents.
_BLANKS = r"[\s\x00-\x20\u200b\u2060\ufeff]*"
_EDGES = re.compile(rf"\A{_BLANKS}|(?<![\s\x00-\x20\u200b\u2060\ufeff]){_BLANKS}\Z")
_URL = re.compile(rf"{_BLANKS}(?:https?|s3)://{_BLANKS}[^\s\x00-\x20]", re.IGNORECASE)
_S3 = "s3://"

_PROSE = re.compile(
    r"(?:.*_)?(?:prompts?|text|caption|styles?|positive|negative|lyrics|tags|instructions?"
    r"|question|description|notes?|comment)(?:_[lg]|_?[0-9]{1,3})?|clip_[lg]|t5xxl",
    re.IGNORECASE,
)
"""Names of fields that hold a person's words: a prompt may begin with "http"."""

_FILE_AT_END = re.compile(r"\.[A-Za-z0-9]{1,11}(?:[?#]\S*)?\Z")
_END_CHARACTERS = 500

Path = tuple[str | int, ...]
"""Keys and indexes that lead from the content to a value."""


@dataclass(frozen=True)
class ContentUrl:
    """A URL in the content.

    Attributes:
        path: where it stands.
        url: as it stands there.
        takes: the kinds of file that belong there.
    """

    path: Path
    url: str
    takes: frozenset[MediaKind] = FILES

    @property
    def field(self) -> str:
        """The path as a person writes it, such as `init_images[0]`."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}"
        return text.removeprefix(".")

    @property
    def address(self) -> str:
        """The URL to fetch: without white space around it, and no raw one within a web URL.

        White space within a web URL is treated as browsers do (WHATWG URL, section 4.1): line
        breaks and tabs go, a blank becomes `%20`.
        """
        url = _EDGES.sub("", self.url)
        if is_s3(url):
            return url
        return re.sub(r"[\t\r\n]", "", url).replace(" ", "%20")

    @property
    def filename(self) -> str:
        """The file's own name at the end of the URL, empty where there is none."""
        if is_s3(self.address):
            return self.address.rpartition("/")[2]
        try:
            return unquote(urlsplit(self.address).path.rpartition("/")[2])
        except ValueError:
            return ""

    @property
    def reads_like_words(self) -> bool:
        """Whether there are blanks in it and no file's extension at its end.

        Where nobody but us fetches URLs, in a workflow's texts, this is rather a sentence that
        begins with one.
        """
        url = _EDGES.sub("", self.url)
        end = url[-_END_CHARACTERS:]
        return "\n" in url or "\r" in url or (" " in url and not _FILE_AT_END.search(end))


def is_url(value: object) -> TypeGuard[str]:
    """Whether a value is a string that begins as an HTTP(S) or S3 URL, white space aside."""
    return isinstance(value, str) and _URL.match(value) is not None


def is_s3(url: str) -> bool:
    """Whether a URL is S3's; its scheme may be in capitals."""
    return url[: len(_S3)].lower() == _S3


def find_urls(content: Mapping[str, Any], takes: frozenset[MediaKind] = FILES) -> list[ContentUrl]:
    """Finds every string in the content that begins as an HTTP(S) or S3 URL, outside prose.

    Args:
        content: of a task.
        takes: the kinds of file that the content's fields take.
    """
    return [ContentUrl(path, text, takes) for path, text in find_texts(content) if is_url(text)]


def find_texts(content: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Finds every string in the content outside prose, and where it stands."""
    return _find(dict(content), ())


def replace_values(content: Mapping[str, Any], values: Mapping[Path, str]) -> dict[str, Any]:
    """Returns the content with other strings at some paths.

    Only what contains a replaced string is copied; the rest is the given content's own. A copy of
    everything takes twenty times the memory of the JSON text, also where there is nothing to
    replace.
    """
    replaced = dict(content)
    copies: dict[Path, Any] = {(): replaced}
    for path, value in values.items():
        parent: Any = replaced
        for length, part in enumerate(path[:-1], start=1):
            place = path[:length]
            if place not in copies:
                copies[place] = parent[part].copy()
                parent[part] = copies[place]
            parent = copies[place]
        parent[path[-1]] = value
    return replaced


def _find(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    # The parser bounds the depth of what comes here, so recursion is safe.
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            if not _PROSE.fullmatch(key):
                yield from _find(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find(item, (*path, index))
