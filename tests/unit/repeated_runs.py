"""Finds runs of lines that stand at two places of the repository."""

import io
import keyword
import re
import tokenize
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

SHARED_LINES = 12
"""So many equal lines may stand twice; one more is a repeated run."""

# A window with fewer different shapes is a table: rows of cases, fields or arguments.
_FEWEST_SHAPES = 7
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}
_MADE = re.compile(r"# begin ([^:\n]+): made by .*?# end \1$", re.DOTALL | re.MULTILINE)
_PUNCTUATION = re.compile(r"[\W_]*")


class Line(NamedTuple):
    """One line that counts: its number, from 1, and the text that is compared."""

    number: int
    text: str


class Run(NamedTuple):
    """Lines of two places that are alike; ``length`` counts lines that count."""

    first: str
    first_line: int
    second: str
    second_line: int
    length: int

    def __str__(self) -> str:
        return (
            f"{self.first}:{self.first_line} and {self.second}:{self.second_line} share "
            f"{self.length} lines"
        )


def terraform_lines(source: str) -> list[Line]:
    """Returns the lines of Terraform without white space.

    Comments do not count, nor do blocks between ``# begin X: made by`` and ``# end X``.
    """
    made = [
        number
        for block in _MADE.finditer(source)
        for number in range(
            source.count("\n", 0, block.start()) + 1, source.count("\n", 0, block.end()) + 2
        )
    ]
    return _lines(source, skipped=frozenset(made))


def python_lines(source: str) -> tuple[list[Line], list[Line]]:
    """Returns the lines of Python, and their shapes.

    Returns:
        The lines without white space, where comments and imports do not count; and the lines with a
        sign for each name, string and number, where docstrings do not count either.
    """
    signs: dict[int, list[str]] = defaultdict(list)
    imports: set[int] = set()
    for statement in _statements(source):
        numbers = range(statement[0].start[0], statement[-1].end[0] + 1)
        if statement[0].string in {"import", "from"}:
            imports.update(numbers)
        elif {token.type for token in statement} != {tokenize.STRING}:
            for token in statement:
                signs[token.start[0]].append(_sign(token))
    alike = (Line(number, " ".join(parts)) for number, parts in sorted(signs.items()))
    shapes = [line for line in alike if not _PUNCTUATION.fullmatch(line.text)]
    return _lines(source, skipped=imports), shapes


def repeated(files: dict[str, list[Line]], *, tables: bool) -> list[Run]:
    """Returns the runs of more than ``SHARED_LINES`` lines that stand twice, longest first.

    Args:
        files: the lines that count, by the file's name.
        tables: whether a window of few different lines counts as well.
    """
    length = SHARED_LINES + 1
    places: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for name, lines in files.items():
        texts = [line.text for line in lines]
        for start in range(len(texts) - SHARED_LINES):
            window = tuple(texts[start : start + length])
            if tables or len(set(window)) >= _FEWEST_SHAPES:
                places[window].append((name, start))
    pairs = {pair for found in places.values() if len(found) > 1 for pair in combinations(found, 2)}
    return sorted(_joined(files, pairs), key=lambda run: (-run.length, run))


def _joined(
    files: dict[str, list[Line]], pairs: Iterable[tuple[tuple[str, int], tuple[str, int]]]
) -> Iterator[Run]:
    """Joins windows that follow each other into one run each."""
    left = set(pairs)
    for (first, one), (second, other) in sorted(left):
        if ((first, one - 1), (second, other - 1)) in left:
            continue
        more = 0
        while ((first, one + more + 1), (second, other + more + 1)) in left:
            more += 1
        length = SHARED_LINES + 1 + more
        if first == second:
            # A place and the same place a few rows on are one place.
            length = min(length, other - one)
        if length > SHARED_LINES:
            numbers = files[first][one].number, files[second][other].number
            yield Run(first, numbers[0], second, numbers[1], length)


def _sign(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME:
        return token.string if keyword.iskeyword(token.string) else "name"
    if token.type == tokenize.NUMBER:
        return "number"
    return token.string if token.type == tokenize.OP else "text"


def _lines(source: str, *, skipped: Collection[int]) -> list[Line]:
    return [
        Line(number, " ".join(line.split()))
        for number, line in enumerate(source.splitlines(), 1)
        if number not in skipped
        and not line.lstrip().startswith("#")
        and not _PUNCTUATION.fullmatch(line.strip())
    ]


def _statements(source: str) -> Iterator[list[tokenize.TokenInfo]]:
    """Yields the tokens of each logical line; a compound statement's head is one."""
    statement: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NEWLINE:
            yield statement
            statement = []
        elif token.type not in _NO_CODE:
            statement.append(token)
