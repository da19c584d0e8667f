"""What of one region's terraform.tfvars holds for another: told line by line, not by a parser.

A parser would lose the comments, which are half of such a file.
"""

import re
from collections.abc import Iterator

_OF_A_REGION = (
    "availability_zones",
    "existing_vpc",
    "model_bucket_arn",
    "model_kms_key_arn",
    "private_access_cidrs",
    "public_access_cidrs",
    "snapshot_id",
    "volume_kms_key_arns",
)
"""Settings whose values are hardly another region's, too."""

_REGION_SETTING = r'(^\s*region\s*=\s*"|\bEnvironment\s*=\s*"){region}"'
_VALUE = r"\b{name}\s*=\s*(?!null\b|\[\s*\]|\s)"
_VALUES_FILE = re.compile(r'\bvalues_file\s*=\s*"([^"]+)"')


def for_region(text: str, old: str, new: str) -> str:
    """Renames the region where the file speaks of itself: its setting, its tag, its comments.

    Names that only hold the region's, such as a bucket's, stay: they are other things' names.

    Args:
        text: of a terraform.tfvars.
        old: the region that it is for.
        new: the region that it shall be for.
    """
    setting = re.compile(_REGION_SETTING.format(region=re.escape(old)))
    lines = (
        setting.sub(rf'\g<1>{new}"', code) + comment.replace(old, new)
        for code, comment in _lines(text)
    )
    return "".join(lines)


def regional_settings(text: str) -> list[str]:
    """Returns the names of those settings that are set, and that another region hardly shares."""
    codes = [code for code, _ in _lines(text)]
    return [
        name
        for name in _OF_A_REGION
        if any(re.search(_VALUE.format(name=name), code) for code in codes)
    ]


def values_files(text: str) -> list[str]:
    """Returns the paths of values files that runtimes name, as they are written."""
    return [path for code, _ in _lines(text) for path in _VALUES_FILE.findall(code)]


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Each line as its code and its comment, either of them empty."""
    for line in text.splitlines(keepends=True):
        begin = _comment_at(line)
        yield line[:begin], line[begin:]


def _comment_at(line: str) -> int:
    # A string is skipped whole, so that a # in it begins no comment.
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|#|//', line):
        if not found[0].startswith('"'):
            return found.start()
    return len(line)
