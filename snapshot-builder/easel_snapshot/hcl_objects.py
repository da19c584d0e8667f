"""Where the attributes of a .tfvars file stand, so that one can be changed and all else stays.

A parser that gives values back would lose the comments. Read is what HCL's native syntax allows
there (https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md): attributes, and objects in
objects; what a value is made of otherwise is passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from easel_snapshot.errors import SnapshotError

_BLANK = re.compile(r"(?:[ \t\r\n,]|#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_KEY = re.compile(
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[A-Za-z_][\w-]*))[ \t]*[=:](?!=)[ \t]*'
)
_HEREDOC = re.compile(r"<<-?([A-Za-z_][\w-]*)[ \t]*\r?\n")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_COMMENT = re.compile(r"#[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)
_OPENING, _CLOSING = "{[(", "}])"
_DEEPEST = 20


@dataclass
class Attribute:
    """One attribute.

    Attributes:
        name: without quotes.
        start: of the name, in the text.
        value_start: of the value.
        value_end: after its last character.
        text: the value as it is written.
        members: of an object; empty for another value.
    """

    name: str
    start: int
    value_start: int
    value_end: int
    text: str
    members: dict[str, "Attribute"] = field(default_factory=dict)

    @property
    def is_object(self) -> bool:
        """Whether the value is written as an object."""
        return self.text.startswith("{")

    @property
    def string(self) -> str | None:
        """The value, where it is a string without escapes or templates."""
        found = re.fullmatch(r'"([^"\\$%]*)"', self.text)
        return found[1] if found else None


def read_attributes(text: str) -> dict[str, Attribute]:
    """Reads a whole file.

    Raises:
        SnapshotError: it is no .tfvars file, with the line.
    """
    found, end = _members(text, 0, 0)
    if end != len(text):
        raise _wrong(text, end)
    return found


def _members(text: str, position: int, depth: int) -> tuple[dict[str, Attribute], int]:
    """The attributes from a position on, and where they end: at a } or at the end of the text."""
    found: dict[str, Attribute] = {}
    while True:
        position = _skip(_BLANK, text, position)
        if position == len(text) or text[position] == "}":
            return found, position
        key = _KEY.match(text, position)
        if key is None:
            raise _wrong(text, position)
        attribute = _attribute(text, key, depth)
        found[attribute.name] = attribute
        position = attribute.value_end


def _attribute(text: str, key: re.Match[str], depth: int) -> Attribute:
    name = key["plain"] if key["quoted"] is None else key["quoted"]
    start, begin = key.start(), key.end()
    members: dict[str, Attribute] = {}
    if text[begin : begin + 1] == "{" and depth < _DEEPEST:
        members, end = _members(text, begin + 1, depth + 1)
        if end == len(text):
            raise _wrong(text, begin)
        end += 1
    else:
        end = _value_end(text, begin)
    return Attribute(name, start, begin, end, text[begin:end], members)


def _value_end(text: str, begin: int) -> int:
    depth, end = 0, begin
    for found, position in _tokens(text, begin):
        if depth == 0 and (found in "\n,}" or _COMMENT.match(found)):
            break
        depth += (found in _OPENING) - (found in _CLOSING)
        if not found.isspace():
            end = position + len(found)
    if end == begin or depth != 0:
        raise _wrong(text, begin)
    return end


def _tokens(text: str, position: int) -> Iterator[tuple[str, int]]:
    while position < len(text):
        token = text[position]
        for whole in (_STRING, _COMMENT):
            if found := whole.match(text, position):
                token = found[0]
        if found := _HEREDOC.match(text, position):
            close = re.compile(rf"^[ \t]*{re.escape(found[1])}[ \t]*$", re.MULTILINE)
            last = close.search(text, found.end())
            if last is None:
                raise _wrong(text, position)
            token = text[position : last.end()]
        yield token, position
        position += len(token)


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


def _wrong(text: str, position: int) -> SnapshotError:
    line = text.count("\n", 0, position) + 1
    return SnapshotError(f"line {line} is not understood: is the file good? `terraform fmt` tells")
