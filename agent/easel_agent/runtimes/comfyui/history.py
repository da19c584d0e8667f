"""A job in ComfyUI's history: its end and its files."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from easel_agent.errors import (
    UNKNOWN_FAILURE_ATTEMPTS,
    RejectedTaskError,
    TransientError,
)
from easel_agent.runtimes.base import Generation
from easel_agent.runtimes.comfyui.api import OutputFile
from easel_agent.runtimes.comfyui.faults import row_of
from easel_agent.runtimes.faults import error_of
from easel_contract.errors import TaskErrorCode

MAX_ERROR_CHARACTERS = 500
MAX_FILES = 1000

_MESH_FILE = re.compile(r"\.(?:glb|gltf|obj|fbx|stl|ply|usdz|splat|spz|ksplat)\Z", re.IGNORECASE)


class _Status(BaseModel):
    status_str: str = ""
    completed: bool = False
    messages: list[tuple[str, dict[str, Any]]] = []


class _Entry(BaseModel):
    prompt: list[Any] = []
    outputs: dict[str, dict[str, Any]] = {}
    status: _Status | None = None


class _NodeFailure(BaseModel):
    """The last message of a job that failed or was interrupted."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    node_id: str = "?"
    node_type: str = "?"
    exception_type: str = ""
    exception_message: str = ""
    traceback: list[str] = []


class _NodeProblem(BaseModel):
    message: str = ""
    details: str = ""


class _NodeErrors(BaseModel):
    class_type: str = "?"
    errors: list[_NodeProblem] = []


class Refusal(BaseModel):
    """The body of a 400 to `POST /prompt`, and of a 200 that drops some of the outputs."""

    error: _NodeProblem = Field(default_factory=_NodeProblem)
    # Older servers write an empty list for no errors.
    node_errors: Annotated[
        dict[str, _NodeErrors], BeforeValidator(lambda value: value if value != [] else {})
    ] = {}

    def summary(self) -> str:
        """What is wrong with which node, in one line of bounded length."""
        nodes = (
            f"node {node_id} ({node.class_type}): {_said(problem)}"
            for node_id, node in self.node_errors.items()
            for problem in node.errors
        )
        return bounded("; ".join([part for part in (_said(self.error), *nodes) if part]))


def _said(problem: _NodeProblem) -> str:
    return ": ".join(part for part in (problem.message, problem.details) if part)


def bounded(text: str) -> str:
    """One line of at most `MAX_ERROR_CHARACTERS`."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_ERROR_CHARACTERS else f"{line[: MAX_ERROR_CHARACTERS - 3]}..."


class Outcome:
    """How a job ended."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Reads an entry of the history.

        Raises:
            TransientError: it is none.
        """
        try:
            self._entry = _Entry.model_validate(entry)
        except ValidationError as error:
            raise TransientError(
                bounded(f"ComfyUI's history cannot be read: {error}"),
                max_attempts=UNKNOWN_FAILURE_ATTEMPTS,
            ) from error

    @property
    def output_nodes(self) -> set[str]:
        """The output nodes that ran: those that validation did not drop."""
        # [number, prompt_id, workflow, extra data, output nodes]
        listed = self._entry.prompt[4] if len(self._entry.prompt) > 4 else []  # noqa: PLR2004
        return {str(node_id) for node_id in listed} if isinstance(listed, list) else set()

    @property
    def succeeded(self) -> bool:
        """Whether the job ran to its end."""
        status = self._entry.status
        return status is None or (status.status_str == "success" and status.completed)

    def check_success(
        self, answer: bytes | None = None, made: Callable[[], Generation] | None = None
    ) -> None:
        """Returns where the job succeeded and made something.

        Args:
            answer: of the error that is raised.
            made: likewise.

        Raises:
            RejectedTaskError: it failed for a reason of the workflow's, or made nothing.
            TransientError: it failed for another reason, or was interrupted; its subclasses.
            RuntimeBrokenError: it failed in such a way that every later job will.
        """
        status = self._entry.status
        if status is not None and not self.succeeded:
            raise _failure(status, answer, made)
        if not any(_has_output(keys) for keys in self._entry.outputs.values()):
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_FAILED,
                "ComfyUI ended the workflow without any output: it has to save a file, or to show "
                "a picture, a text or a mesh below ComfyUI's output folder",
                answer,
            )

    def listed(self) -> list[OutputFile]:
        """Every file that the entry names, previews too."""
        return [file for keys in self._entry.outputs.values() for file in _listed(keys)]

    def files(self, node_order: Iterable[str]) -> list[OutputFile]:
        """The files to fetch, each once.

        Args:
            node_order: the workflow's nodes; outputs come in this order, not in that in which
                the nodes ran.

        Returns:
            What was saved; previews (`temp`) only where nothing was.

        Raises:
            RejectedTaskError: there are more than `MAX_FILES`.
        """
        outputs = self._entry.outputs
        order = [*node_order]
        known = [node_id for node_id in order if node_id in outputs]
        # Nodes that ComfyUI itself made out of one of the workflow's.
        made = [node_id for node_id in outputs if node_id not in set(order)]
        found = list(dict.fromkeys(f for one in (*known, *made) for f in _listed(outputs[one])))
        saved = [file for file in found if file.type not in ("temp", "input")]
        chosen = saved or [file for file in found if file.type == "temp"]
        if len(chosen) > MAX_FILES:
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_FAILED,
                f"the workflow made {len(chosen)} files; at most {MAX_FILES} are stored",
            )
        return chosen


def _listed(outputs: Mapping[str, Any]) -> Iterator[OutputFile]:
    # Whatever the key: images, gifs, audio, videos, 3d and what custom nodes add.
    for key, items in outputs.items():
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict) and isinstance(item.get("filename"), str):
                yield OutputFile(
                    item["filename"],
                    str(item.get("subfolder") or ""),
                    str(item.get("type") or "output"),
                )
        if key == "result" and isinstance(items, list) and items:
            yield from _mesh(items[0])


def _has_output(outputs: Mapping[str, Any]) -> bool:
    """Whether a node saved or showed anything, a text for one."""
    if any(file.type != "input" for file in _listed(outputs)):
        return True
    for key, items in outputs.items():
        told = items if isinstance(items, list) else [items]
        if key == "result":
            # Of what Preview3D shows the rest is a camera's, and a mesh elsewhere is none of ours.
            told = [one for one in told[:1] if not _MESH_FILE.search(str(one))]
        # Flags (`animated`) tell of files.
        if any(one and not isinstance(one, dict | bool) for one in told):
            return True
    return False


def _mesh(path: object) -> Iterator[OutputFile]:
    """The file that Preview3D shows: a path below `output` (comfy_api, PreviewUI3D)."""
    if not isinstance(path, str) or not _MESH_FILE.search(path) or "\\" in path:
        return
    parts = PurePosixPath(path).parts
    if ".." not in parts and not path.startswith("/"):
        yield OutputFile(parts[-1], "/".join(parts[:-1]), "output", is_shown=True)


def _failure(
    status: _Status, answer: bytes | None, made: Callable[[], Generation] | None
) -> Exception:
    unknown = partial(
        TransientError, answer=answer, made=made, max_attempts=UNKNOWN_FAILURE_ATTEMPTS
    )
    ends = [
        one for one in status.messages if one[0] in ("execution_error", "execution_interrupted")
    ]
    if not ends:
        message = f"ComfyUI ended the workflow as {status.status_str!r} and does not say why"
        return unknown(bounded(message))
    kind, data = ends[-1]
    try:
        failure = _NodeFailure.model_validate(data)
    except ValidationError:
        return unknown("ComfyUI says in no readable form why the workflow failed")
    where = f"node {failure.node_id} ({failure.node_type})"
    if kind == "execution_interrupted":
        return TransientError(
            bounded(f"the workflow was interrupted by somebody at {where}"),
            answer=answer,
            made=made,
        )
    said = ": ".join(part for part in (failure.exception_type, failure.exception_message) if part)
    last_frame = failure.traceback[-1] if failure.traceback else ""
    row = row_of(failure.exception_type, failure.exception_message, last_frame)
    return error_of(
        row.verdict,
        bounded(f"{where} failed: {said}"),
        code=TaskErrorCode.RUNTIME_FAILED,
        answer=answer,
        made=made,
    )
