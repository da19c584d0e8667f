"""What ComfyUI's history says of a job: how it ended, and which files it made."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from easel_agent.errors import RejectedTaskError, TransientError
from easel_agent.runtimes.comfyui_api import OutputFile
from easel_contract.errors import TaskErrorCode

MAX_ERROR_CHARACTERS = 500
MAX_FILES = 1000

_DEVICE_ERRORS = (
    "outofmemory",
    "out of memory",
    "allocation on device",
    "cuda",
    "cudnn",
    "cublas",
    "hip error",
)
"""What is the device's doing, and may go well at the next try."""


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
            raise TransientError(bounded(f"ComfyUI's history cannot be read: {error}")) from error

    @property
    def output_nodes(self) -> set[str]:
        """The output nodes that ran: those that validation did not drop."""
        # [number, prompt_id, workflow, extra data, output nodes]
        listed = self._entry.prompt[4] if len(self._entry.prompt) > 4 else []  # noqa: PLR2004
        return {str(node_id) for node_id in listed} if isinstance(listed, list) else set()

    def check_success(self) -> None:
        """Returns where the job succeeded and made something.

        Raises:
            RejectedTaskError: it failed, was interrupted, or made nothing.
            TransientError: it failed for a reason of the device.
        """
        status = self._entry.status
        if status is not None and (status.status_str != "success" or not status.completed):
            raise _failure(status)
        if not any(value for keys in self._entry.outputs.values() for value in keys.values()):
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_FAILED, "ComfyUI ended the workflow without any output"
            )

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
    # Whatever the key: images, gifs, audio, videos and what custom nodes add.
    for items in outputs.values():
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict) and isinstance(item.get("filename"), str):
                yield OutputFile(
                    item["filename"],
                    str(item.get("subfolder") or ""),
                    str(item.get("type") or "output"),
                )


def _failure(status: _Status) -> Exception:
    ends = [
        one for one in status.messages if one[0] in ("execution_error", "execution_interrupted")
    ]
    if not ends:
        message = f"ComfyUI ended the workflow as {status.status_str!r} and does not say why"
        return RejectedTaskError(TaskErrorCode.RUNTIME_FAILED, bounded(message))
    kind, data = ends[-1]
    try:
        failure = _NodeFailure.model_validate(data)
    except ValidationError:
        failure = _NodeFailure()
    where = f"node {failure.node_id} ({failure.node_type})"
    if kind == "execution_interrupted":
        message = f"the workflow was interrupted at {where}"
        return RejectedTaskError(TaskErrorCode.RUNTIME_FAILED, bounded(message))
    reason = f"{failure.exception_type}: {failure.exception_message}"
    message = bounded(f"{where} failed: {reason}")
    if any(word in reason.lower() for word in _DEVICE_ERRORS):
        return TransientError(message)
    return RejectedTaskError(TaskErrorCode.RUNTIME_FAILED, message)
