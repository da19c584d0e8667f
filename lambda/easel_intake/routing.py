"""Which runtime gets a task (R8, R20)."""

import re
import unicodedata
from collections.abc import Mapping

from easel_contract.errors import ContractError, Problem
from easel_contract.task import TASK_TYPES, RuntimeType, TaskType
from easel_http.settings import RuntimeSettings

_TRAILING_HASH = re.compile(r"\s*\[[0-9a-fA-F]{8,64}\]$")
_EXTENSION = re.compile(r"\.(?:safetensors|sft|ckpt|pth?|bin|gguf)$", re.IGNORECASE)


class Runtimes:
    """The runtimes that this deployment has, by name."""

    def __init__(self, runtimes: Mapping[str, RuntimeSettings]) -> None:
        self._runtimes = dict(sorted(runtimes.items()))

    def check(self, name: str, tasktype: TaskType | None, fields: tuple[str, str]) -> list[Problem]:
        """What stands against sending a task of this type to the runtime of this name.

        Args:
            name: of the runtime.
            tasktype: None where the request names none that exists.
            fields: paths of the name and of the task type in the request.
        """
        runtime = self._runtimes.get(name)
        if runtime is None:
            known = ", ".join(self._runtimes) or "none is deployed"
            return [Problem(field=fields[0], problem=f"is no runtime; known: {known}")]
        taken = TASK_TYPES[runtime.type]
        if tasktype is None or tasktype in taken:
            return []
        return [
            Problem(
                field=fields[1],
                problem=f"runtime {name} is of type {runtime.type}, which takes "
                f"{', '.join(sorted(taken))}",
            )
        ]

    def for_checkpoint(self, checkpoint: str, field: str) -> str:
        """Name of the SD WebUI runtime that serves a checkpoint (v1alpha1).

        A static runtime that has it loaded comes before a dynamic one that would have to load it;
        of several dynamic ones the first by name takes all, so that it switches least.

        Args:
            checkpoint: file name, as in the runtime's `modelFilename`; or another of the names
                that SD WebUI shows for it, where that fits one static runtime only. The agent
                compares the rest, such as a hash, with what the runtime has.
            field: path of the checkpoint in the request.

        Raises:
            ContractError: no runtime serves it; names the known ones.
        """
        webuis = {n: r for n, r in self._runtimes.items() if r.type is RuntimeType.SDWEBUI}
        for name, runtime in webuis.items():
            if runtime.model_filename == checkpoint:
                return name
        alike = [name for name, runtime in webuis.items() if _fits(runtime, checkpoint)]
        if len(alike) == 1:
            return alike[0]
        for name, runtime in webuis.items():
            if runtime.dynamic_model:
                return name
        known = ", ".join(r.model_filename for r in webuis.values() if r.model_filename)
        raise ContractError(
            [
                Problem(
                    field=field,
                    problem=f"no runtime serves this checkpoint; known: {known or 'none'}",
                )
            ]
        )


def _fits(runtime: RuntimeSettings, checkpoint: str) -> bool:
    """Whether a name may be that of a static runtime's file, as SD WebUI shows it.

    With a folder or without, with the short hash, without extension, in another letter case.
    """
    if not runtime.model_filename:
        return False
    file, name = _plain(runtime.model_filename), _plain(_TRAILING_HASH.sub("", checkpoint))
    names = {file, file.rpartition("/")[2], _EXTENSION.sub("", file)}
    names.add(_EXTENSION.sub("", file.rpartition("/")[2]))
    # The folder of a file is the model bucket's; `modelFilename` may leave it out.
    return name in names or name.rpartition("/")[2] == file


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/")).casefold()
