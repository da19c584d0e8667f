"""The chapters of docs/architecture say what the code does: drawings, numbers, names of files."""

import re
import subprocess
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from easel_agent.lifecycle import _TRANSITIONS
from easel_agent.settings import AgentSettings
from tests import instance_ends
from tests.unit.test_architecture import MAY_IMPORT

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ROOT / "docs" / "architecture"
CONTRACT = "easel_contract"


def text_of(chapter: str) -> str:
    """A chapter, each run of blanks as one: sentences are found across lines."""
    return " ".join((CHAPTERS / chapter).read_text().split())


def drawing(chapter: str, kind: str) -> list[str]:
    found = re.search(
        rf"```mermaid\n{kind}[^\n]*\n(.*?)```", (CHAPTERS / chapter).read_text(), re.DOTALL
    )
    assert found, f"{chapter} has no drawing {kind}"
    return [line.strip() for line in found[1].splitlines()]


@cache
def files() -> tuple[str, ...]:
    """Paths of the tree's files, from the root, those that git ignores left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(name for name in listed.stdout.splitlines() if (ROOT / name).is_file())


def of_agent(module: str, name: str) -> Any:
    return getattr(import_module(f"easel_agent.{module}"), name)


def default(setting: str) -> Any:
    return AgentSettings.model_fields[setting].default


def in_file(path: str, pattern: str) -> float:
    (found,) = re.findall(pattern, (ROOT / path).read_text())
    return float(found)


class Said(NamedTuple):
    """A number of a chapter.

    Attributes:
        chapter: that has the sentence.
        sentence: a regular expression; every group in it is the number.
        value: the code's.
    """

    chapter: str
    sentence: str
    value: float


NUMBER = r"([\d,.]*\d)"
MOST_RECEIVES = in_file("modules/runtime/main.tf", r"most_receives\s+= (\d+)")
ATTEMPTS = default("max_attempts")
DURATIONS = "charts/sd-runtime/templates/_durations.tpl"
NODE_MARGIN = in_file(DURATIONS, r'sd-runtime\.podGraceSeconds" \. \| int\) (\d+)\)')
AGENT_MARGIN = in_file(DURATIONS, r"sub \(.*\) (\d+) -")
STOP_MARGIN = in_file("charts/sd-runtime/values.yaml", r"\n  stopMarginSeconds: (\d+)")
INLINE_BYTES = in_file("lambda/easel_intake/publishing.py", r"MAX_INLINE_BYTES = (\d+) \* 1024")
CONTEXT_BYTES = import_module("easel_contract.task").MAX_CONTEXT_BYTES

SAID = [
    Said("00-overview.md", rf"{NUMBER} receives", MOST_RECEIVES),
    Said("00-overview.md", rf"last of {NUMBER} attempts", ATTEMPTS),
    Said("00-overview.md", rf"content over {NUMBER} KiB", INLINE_BYTES),
    Said("00-overview.md", rf"Content of more than {NUMBER} KiB goes to S3", INLINE_BYTES),
    Said("01-contract.md", rf"context is at most {NUMBER} KiB", CONTEXT_BYTES / 1024),
    Said("02-agent.md", rf"\*Deliveries\*, {NUMBER} at once", of_agent("delivery", "_WORKERS")),
    Said(
        "02-agent.md", rf"and {NUMBER} where tasks of a kind", of_agent("prefetcher", "_MOST_AHEAD")
    ),
    Said(
        "02-agent.md", rf"take less than {NUMBER} s", of_agent("prefetch_policy", "_QUICK_SECONDS")
    ),
    Said("02-agent.md", rf"to end within {NUMBER} s", of_agent("prefetch_policy", "_LEAD_SECONDS")),
    Said(
        "02-agent.md",
        rf"running one \({NUMBER} s at the earliest\)",
        of_agent("prefetch_policy", "_MIN_HOLD_SECONDS"),
    ),
    Said(
        "02-agent.md",
        rf"half the visibility timeout, {NUMBER} s by default",
        default("visibility_timeout_seconds") / 2,
    ),
    Said(
        "02-agent.md",
        rf"renews the lease every {NUMBER} s",
        of_agent("claim_keeper", "RENEWAL_SECONDS"),
    ),
    Said(
        "02-agent.md", rf"expected to end {NUMBER} s before", of_agent("stopping", "_STORE_SECONDS")
    ),
    Said("02-agent.md", rf"given back {NUMBER} s before", of_agent("stopping", "_STORE_SECONDS")),
    Said("02-agent.md", rf"a long poll takes {NUMBER} s", default("receive_wait_seconds")),
    Said(
        "02-agent.md",
        rf"`EASEL_RUNTIME_WAIT_SECONDS` \({NUMBER} s\)",
        default("runtime_wait_seconds"),
    ),
    Said(
        "02-agent.md",
        rf"`EASEL_TASK_TIMEOUT_SECONDS` \({NUMBER} s\)",
        default("task_timeout_seconds"),
    ),
    Said(
        "02-agent.md",
        rf"every {NUMBER} s during a job",
        of_agent("runtime_monitor", "_JOB_POLL_SECONDS"),
    ),
    Said("02-agent.md", rf"fails {NUMBER} probes", of_agent("runtime_monitor", "_FAILURES")),
    Said(
        "02-agent.md", rf"is silent for {NUMBER} s", of_agent("runtime_monitor", "_SILENT_SECONDS")
    ),
    Said("02-agent.md", rf"the first {NUMBER} deliveries", ATTEMPTS),
    Said(
        "02-agent.md",
        rf"\(`EASEL_MODELS_DIR`\) every {NUMBER} s",
        of_agent("model_mount", "_PERIOD_SECONDS"),
    ),
    Said("02-agent.md", rf"After {NUMBER} failed looks", of_agent("model_mount", "_LOOKS")),
    Said(
        "02-agent.md",
        rf"no answer comes for {NUMBER} s",
        of_agent("model_mount", "_PATIENCE_SECONDS"),
    ),
    Said("02-agent.md", rf"ends with status {NUMBER}", of_agent("__main__", "REPLACE_POD")),
    Said(
        "02-agent.md",
        rf"jittered delay of {NUMBER} s at most",
        of_agent("retry_policy", "_MAX_BACK_OFF_SECONDS"),
    ),
    Said(
        "02-agent.md", rf"at most {NUMBER} begins", of_agent("errors", "UNKNOWN_FAILURE_ATTEMPTS")
    ),
    Said("02-agent.md", rf"the last of {NUMBER} attempts", ATTEMPTS),
    Said(
        "02-agent.md",
        rf"delivery number {NUMBER} ",
        ATTEMPTS * of_agent("retry_policy", "_RECEIVES_PER_ATTEMPT"),
    ),
    Said(
        "02-agent.md",
        rf"\({NUMBER} for each attempt\)",
        of_agent("retry_policy", "_RECEIVES_PER_ATTEMPT"),
    ),
    Said("02-agent.md", rf"agents died {NUMBER} times", ATTEMPTS),
    Said("02-agent.md", rf"own limit, {NUMBER} receives", MOST_RECEIVES),
    Said("03-chart.md", rf"a task may take {NUMBER} s", default("task_timeout_seconds")),
    Said("03-chart.md", rf"a pod has a grace of {NUMBER} s", instance_ends.POD_GRACE_SECONDS),
    Said(
        "03-chart.md",
        rf"a pod has a grace of {NUMBER} s",
        default("task_timeout_seconds") + STOP_MARGIN,
    ),
    Said(
        "03-chart.md", rf"a node one of {NUMBER} s", instance_ends.POD_GRACE_SECONDS + NODE_MARGIN
    ),
    Said("03-chart.md", rf"own grace is {NUMBER} s", instance_ends.AGENT_GRACE_SECONDS),
    Said("03-chart.md", rf"{NUMBER} s less than the pod's", AGENT_MARGIN),
    Said("03-chart.md", rf"the agent looks every {NUMBER} s", of_agent("spot", "_POLL_SECONDS")),
    Said("03-chart.md", rf"ends {NUMBER} s after the notice", of_agent("spot", "_NOTICE_SECONDS")),
    Said("03-chart.md", rf"ends {NUMBER} s after the notice", instance_ends.SPOT_SECONDS),
    Said(
        "03-chart.md",
        rf"`agent.settings.visibilityTimeoutSeconds` \({NUMBER} s\)",
        default("visibility_timeout_seconds"),
    ),
]


@pytest.mark.parametrize("said", SAID, ids=lambda said: f"{said.chapter}: {said.sentence}")
def test_numbers_are_those_of_the_code(said: Said) -> None:
    found = re.findall(said.sentence, text_of(said.chapter))
    assert found, "the sentence is not there any more: mend it here, too"
    assert {float(number.replace(",", "")) for number in found} == {said.value}


def test_every_transition_of_a_task_is_drawn_and_no_other() -> None:
    arrows = [re.match(r"(\w+) --> (\w+): ", line) for line in drawing("02-agent.md", "state")]
    drawn = {(arrow[1], arrow[2]) for arrow in arrows if arrow}
    known = {(a.name.lower(), b.name.lower()) for a, ways in _TRANSITIONS.items() for b in ways}
    assert drawn == known


def packages_drawn() -> dict[str, set[str]]:
    """Package -> the packages that it may import, as the drawing has them."""
    found: dict[str, set[str]] = {}
    box: set[str] = set()
    for line in drawing("01-contract.md", "flowchart LR"):
        if line.startswith("subgraph with_contract "):
            box = {CONTRACT}
        elif line.startswith("subgraph "):
            box = set()
        elif "-->" in line:
            importing, imported = line.split(" --> ")
            found[importing].add(imported)
        elif line != "end":
            found[line] = set(box)
    return found


def test_packages_are_drawn_as_they_may_import() -> None:
    assert packages_drawn() == MAY_IMPORT


def test_every_package_has_a_row() -> None:
    rows = re.findall(
        r"^\| (`easel_[^|]*) \|", (CHAPTERS / "01-contract.md").read_text(), re.MULTILINE
    )
    assert {name for row in rows for name in re.findall(r"easel_\w+", row)} == MAY_IMPORT.keys()


@pytest.mark.parametrize("chapter", sorted(CHAPTERS.glob("*.md")), ids=lambda path: path.name)
def test_named_files_are_there(chapter: Path) -> None:
    """Links are held by another test; here also names without a link, however short."""
    names = re.findall(r"`((?:\w+/)*[\w-]+\.(?:py|tf|tpl|ya?ml))`", chapter.read_text())
    missing = [
        name for name in names if not any(f"/{file}".endswith(f"/{name}") for file in files())
    ]
    assert missing == []


def test_the_index_names_every_chapter() -> None:
    index = (ROOT / "docs" / "architecture.md").read_text()
    linked = re.findall(r"\(architecture/([\w-]+\.md)\)", index)
    # The Chinese index has the same links: test_documents_speak_both_languages.py.
    assert linked == [path.name for path in sorted(CHAPTERS.glob("[0-9][0-9]-*[!N].md"))]


def test_the_agents_readme_names_every_file_of_the_agent_and_no_other() -> None:
    table = (ROOT / "agent" / "README.md").read_text().partition("## Settings")[0]
    named = set(re.findall(r"`(\w+\.py)`", table))
    package = ROOT / "agent" / "easel_agent"
    assert named == {path.name for path in package.glob("*.py")} - {"__init__.py"}
