"""Fetches the files that a job of ComfyUI made."""

from collections.abc import Callable, Iterator

import requests

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.runtimes.base import MadeFile
from easel_agent.runtimes.comfyui.api import Answer, AnswerTooLargeError, ComfyUiApi, OutputFile
from easel_agent.runtimes.comfyui.history import bounded
from easel_contract.errors import TaskErrorCode

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_TASK_BYTES = 512 * 1024 * 1024
"""Of all files of one task."""


def fetch_files(
    api: ComfyUiApi, files: list[OutputFile], gone: Callable[[Exception], RuntimeDeadError]
) -> Iterator[MadeFile]:
    """Yields files one after the other, each fetched when it is asked for.

    Args:
        api: of the server.
        files: in the order in which they are yielded.
        gone: makes the error of a server that does not answer.

    Raises:
        RejectedTaskError: a file is too large to be stored, or there is none of those that nodes
            show.
        TransientError: ComfyUI does not give its own file.
        RuntimeDeadError: ComfyUI does not answer.
    """
    left = MAX_TASK_BYTES
    missing = None
    count = 0
    for file in files:
        try:
            answer = api.view(file, min(left, MAX_FILE_BYTES))
        except AnswerTooLargeError as error:
            raise _failed(
                f"{file.filename} is too large to be stored: a file may have "
                f"{MAX_FILE_BYTES} bytes, those of a task {MAX_TASK_BYTES}"
            ) from error
        except requests.RequestException as error:
            raise gone(error) from error
        if file.is_shown and answer.status == requests.codes.not_found:
            missing = file
            continue
        left -= len(answer.body)
        count += 1
        yield MadeFile(_file_in(answer, file), file.filename)
    if missing is not None and not count:
        raise _failed(
            f"the workflow saved nothing: it shows {missing.subfolder}/{missing.filename}, "
            "which is not in ComfyUI's output folder; save it there"
        )


def _failed(why: str) -> RejectedTaskError:
    return RejectedTaskError(TaskErrorCode.RUNTIME_FAILED, bounded(why))


def _file_in(answer: Answer, file: OutputFile) -> bytes:
    if answer.status != requests.codes.ok:
        # With a name of its own again it is made anew.
        raise TransientError(
            bounded(f"ComfyUI answered {answer.status} for its own file {file.filename}")
        )
    return answer.body
