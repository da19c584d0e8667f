"""What a survey and a run came to, for people and as JSON."""

from dataclasses import dataclass, field
from pathlib import Path

from rich.filesize import decimal

from easel_contract.plain_text import printable, printable_json
from easel_mirror.survey import Found, OwnFound


@dataclass
class Report:
    """All of it.

    Attributes:
        host: of the registry that is copied into.
        found: every entry.
        own: images that are built there, not copied.
        new_repositories: that are not there before the run.
        warnings: what of older repositories is not as easel makes them.
        is_copied: whether it was a run, not a plan.
        settings_file: that was written.
    """

    host: str
    found: list[Found]
    own: list[OwnFound]
    new_repositories: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_copied: bool = False
    settings_file: Path | None = None

    @property
    def problems(self) -> list[str]:
        """Why something cannot be copied, or was not."""
        of_copies = [one.problem for one in self.found if one.problem]
        return of_copies + [one.problem for one in self.own if one.problem]

    @property
    def bytes_to_copy(self) -> int:
        """Of all blobs that some repository lacks, each once."""
        sizes = {
            digest: one.blobs[digest].size
            for one in self.found
            if one.problem is None and not one.is_there
            for digest in one.missing
        }
        return sum(sizes.values())


def report_lines(report: Report) -> list[str]:
    """Returns the lines that a person reads before anything is copied."""
    lines = [printable(f"into {report.host}")]
    for one in report.found:
        state, detail = _state(one)
        lines.append(printable(f"  {state:9} {one.wanted.name:34} {detail}"))
        lines.append(printable(f"            {one.wanted.origin} -> {one.wanted.copied_to}"))
    for own in report.own:
        lines += _own_lines(own)
    if report.new_repositories:
        lines.append(printable(f"repositories to make: {', '.join(report.new_repositories)}"))
    lines += [printable(f"note: repository {warning}") for warning in report.warnings]
    there = sum(one.is_there for one in report.found)
    failing = sum(one.problem is not None for one in report.found)
    due = len(report.found) - there - failing
    lines.append(
        f"{there} there, {due} to copy ({decimal(report.bytes_to_copy)}), {failing} impossible"
    )
    return lines


def result_as_json(report: Report) -> str:
    """Returns the result as one JSON document with a line end."""
    return (
        printable_json(
            {
                "registry": report.host,
                "copied": report.is_copied,
                "bytes_to_copy": 0 if report.is_copied else report.bytes_to_copy,
                "entries": [_entry(one) for one in report.found],
                "own_images": [
                    {
                        "name": one.image.name,
                        "repository": one.image.repository,
                        "wanted": one.image.wanted,
                        "digest": one.digest,
                        "problem": one.problem,
                    }
                    for one in report.own
                ],
                "repositories_made" if report.is_copied else "repositories_to_make": (
                    report.new_repositories
                ),
                "settings_file": str(report.settings_file) if report.settings_file else None,
            }
        )
        + "\n"
    )


def _state(one: Found) -> tuple[str, str]:
    if one.problem is not None:
        return "NOT", one.problem
    digest = one.root.digest if one.root else ""
    if one.is_there:
        return "there", digest
    blobs = f"{len(one.missing)} of {len(one.blobs)} blobs"
    size = f"{decimal(one.missing_bytes)} of {decimal(one.total_bytes)}"
    return "to copy", f"{digest}: {blobs}, {size}"


def _own_lines(own: OwnFound) -> list[str]:
    name = f"{own.image.repository}, {own.image.wanted}"
    if own.problem is not None:
        return [printable(f"  NOT       image of {own.image.name}: {own.problem}")]
    if own.digest is not None:
        return [printable(f"  there     image of {own.image.name}: {name}")]
    return [
        printable(f"  missing   image of {own.image.name}: {name}"),
        f"            is yours to build for {own.image.platform} and to push: nothing is copied",
    ]


def _entry(one: Found) -> dict[str, object]:
    return {
        "name": one.wanted.name,
        "source": one.wanted.origin,
        "repository": one.wanted.copied_to,
        "tag": one.wanted.tag,
        "digest": one.root.digest if one.root else None,
        "is_there": one.is_there,
        "missing_blobs": 0 if one.is_there else len(one.missing),
        "missing_bytes": 0 if one.is_there else one.missing_bytes,
        "total_bytes": one.total_bytes,
        "problem": one.problem,
    }
