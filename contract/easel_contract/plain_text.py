"""Text from outside, made safe where it leaves easel: terminals, callbacks, queues.

Names, node ids, URLs and a runtime's words come from whoever wrote a workflow or a web page. A
terminal obeys what is in them: ESC sequences (CSI, OSC 52) and their C1 forms (ECMA-48), line ends
that make up lines of their own, and bidirectional controls that turn a line around (Unicode TR 36).
"""

import json
import re
from collections.abc import Callable

_SHOWN_SPACE = "\u3000"
"""The blank of Chinese and Japanese text, which Python does not call printable."""

_REFUSED_BY_QUEUES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""All but `#x9 | #xA | #xD | #x20-#xD7FF | #xE000-#xFFFD | #x10000-#x10FFFF`, what SQS and SNS
take: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""


def printable(text: str) -> str:
    r"""Returns a text as one line without a character that a terminal might obey.

    Control characters (ESC, C1 codes, line ends), bidirectional controls, characters without width,
    surrogates and code points that are none become Python's escapes, such as `\x1b`.
    """
    return _escaped(text, lambda character: character.encode("unicode_escape").decode())


def printable_lines(text: str) -> str:
    """Returns a text as `printable` does, but keeps its line ends: for text of several lines."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(value: object) -> str:
    r"""Returns a value as JSON in one line that is `printable` and reads back as the same value.

    Raises:
        TypeError: JSON has no such value.
    """
    # Outside of its strings JSON is ASCII, so every escape lies in a string.
    return _escaped(json.dumps(value, ensure_ascii=False), _json_escape)


def sendable_json(text: str) -> str:
    r"""Returns a JSON document with the code points escaped that SQS and SNS refuse.

    Args:
        text: JSON; U+FFFE and U+FFFF may stand in its strings raw, and are `\ufffe` afterwards.
    """
    return _REFUSED_BY_QUEUES.sub(lambda found: _json_escape(found[0]), text)


def is_sendable(text: str) -> bool:
    """Whether SQS and SNS take a text as it is, as an attribute."""
    return _REFUSED_BY_QUEUES.search(text) is None


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == _SHOWN_SPACE else escape(character)
        for character in text
    )


def _json_escape(character: str) -> str:
    return json.dumps(character)[1:-1]
