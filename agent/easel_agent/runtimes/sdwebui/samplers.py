"""Samplers and schedulers: named as the server names them, and compared with what it used.

AUTOMATIC1111 from 1.9 on takes the first sampler, and the scheduler Automatic, for a name that it
does not know (modules/sd_samplers.py, `get_sampler_and_scheduler`; recorded in
a1111_1.10.1_generate_and_errors bad_sampler, bad_scheduler); to its API an alias or another letter
case is such a name. 1.8 has no schedulers: there they are part of a sampler's name.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from easel_agent.errors import RejectedTaskError, TransientError
from easel_agent.runtimes.sdwebui.api import MISSING, SdWebUiApi
from easel_contract.errors import TaskErrorCode

_AUTOMATIC = "automatic"
_SAME = frozenset({"use same sampler", "use same scheduler"})
_MAX_CHARACTERS = 100
_SEPARATORS = re.compile(r"[\s_-]+")


class _Sampler(BaseModel):
    name: str
    aliases: list[str] = []
    options: dict[str, Any] = {}

    def names(self) -> list[str]:
        return [self.name, *self.aliases]


class _Scheduler(BaseModel):
    name: str
    label: str = ""
    aliases: list[str] | None = None

    def names(self) -> list[str]:
        return [name for name in (self.label, self.name, *(self.aliases or [])) if name]


_SAMPLERS = TypeAdapter(list[_Sampler])
_SCHEDULERS = TypeAdapter(list[_Scheduler])


@dataclass(frozen=True)
class Sampling:
    """A task's sampler and scheduler, in the server's words.

    Attributes:
        sampler: None where it asks for none.
        schedulers: names of the scheduler, any of which the answer may tell; empty where it asks
            for none.
    """

    sampler: str | None = None
    schedulers: frozenset[str] = frozenset()

    def replaced_by(self, sampler: str | None, scheduler: str | None) -> str | None:
        """What the server silently took instead; None where it took what was asked for.

        Args:
            sampler: `info.sampler_name`; None where the answer does not tell.
            scheduler: "Schedule type" of the answer; None where it does not tell.
        """
        if self.sampler and sampler and _plain(sampler) != _plain(self.sampler):
            return f"sampler {sampler!r} instead of {self.sampler!r}"
        if self.schedulers and scheduler and _plain(scheduler) not in self.schedulers:
            return f"scheduler {scheduler!r} instead of {min(self.schedulers)!r}"
        return None


class Samplers:
    """The samplers and schedulers of one SD WebUI, read once per process."""

    def __init__(self, api: SdWebUiApi) -> None:
        self._api = api
        self._samplers: list[_Sampler] | None = None
        self._schedulers: list[_Scheduler] = []
        self._is_read = False

    def forget(self) -> None:
        """The process has ended: its next one may have others."""
        self._is_read = False

    def translate(self, content: dict[str, Any]) -> tuple[dict[str, Any], Sampling]:
        """Names them as the server does.

        Args:
            content: of a generation.

        Returns:
            The content with the server's names, and what they are.

        Raises:
            RejectedTaskError: there is no such sampler or scheduler; names near ones.
            TransientError, RuntimeDeadError: it could not be asked.
        """
        fields = ("sampler_name", "sampler_index", "scheduler", "hr_sampler_name", "hr_scheduler")
        if not any(_asked(content.get(field)) for field in fields):
            return content, Sampling()
        self._read()
        if self._samplers is None:
            return content, Sampling()
        main = "sampler_name" if _asked(content.get("sampler_name")) else "sampler_index"
        content, sampling = self._translated(content, main, "scheduler")
        content, _ = self._translated(content, "hr_sampler_name", "hr_scheduler")
        return content, sampling

    def _read(self) -> None:
        if self._is_read:
            return
        try:
            samplers = self._api.get_if_any("/sdapi/v1/samplers")
            self._samplers = None if samplers is MISSING else _SAMPLERS.validate_python(samplers)
            schedulers = self._api.get_if_any("/sdapi/v1/schedulers")
            self._schedulers = (
                [] if schedulers is MISSING else _SCHEDULERS.validate_python(schedulers)
            )
        except ValidationError as error:
            raise TransientError(f"SD WebUI's samplers cannot be read: {error}") from error
        self._is_read = True

    def _translated(
        self, content: dict[str, Any], sampler_field: str, scheduler_field: str
    ) -> tuple[dict[str, Any], Sampling]:
        asked, wanted = _asked(content.get(sampler_field)), _asked(content.get(scheduler_field))
        scheduler = self._scheduler(wanted, scheduler_field)
        if not asked:
            if wanted and not self._schedulers and _plain(wanted) != _AUTOMATIC:
                raise _no("scheduler", wanted, [], scheduler_field)
            changed = {} if scheduler is None else {scheduler_field: scheduler.names()[0]}
            return content | changed, Sampling(None, _names_of(scheduler))
        sampler, inner = self._sampler(asked, sampler_field)
        if inner is not None and scheduler is not None and inner != scheduler:
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_REJECTED,
                f"{sampler_field} {asked[:_MAX_CHARACTERS]!r} and {scheduler_field} "
                f"{wanted[:_MAX_CHARACTERS]!r} name two schedulers",
            )
        scheduler = scheduler or inner
        if wanted and not self._schedulers:
            sampler = self._joined(sampler, wanted, scheduler_field)
            content = {key: value for key, value in content.items() if key != scheduler_field}
        changed = {sampler_field: sampler.name}
        if scheduler is not None:
            changed[scheduler_field] = scheduler.names()[0]
        return content | changed, Sampling(sampler.name, _names_of(scheduler))

    def _sampler(self, asked: str, field: str) -> tuple[_Sampler, _Scheduler | None]:
        """The sampler of a name, and the scheduler that the name has behind it."""
        samplers = self._samplers or []
        if (found := _find(asked, samplers)) is not None:
            return found, None
        for scheduler in self._schedulers:
            for name in scheduler.names():
                start, blank, end = asked[: -len(name)], asked[-len(name) - 1 : -len(name)], name
                if blank == " " and asked.lower().endswith(end.lower()):
                    found = _find(start.strip(), samplers)
                    if found is not None:
                        return found, scheduler
        raise _no("sampler", asked, (name for one in samplers for name in one.names()), field)

    def _scheduler(self, asked: str, field: str) -> _Scheduler | None:
        if not asked or not self._schedulers or _plain(asked) == _AUTOMATIC:
            return None
        found = _find(asked, self._schedulers)
        if found is None:
            known = (name for one in self._schedulers for name in one.names())
            raise _no("scheduler", asked, known, field)
        return None if _plain(found.name) == _AUTOMATIC else found

    def _joined(self, sampler: _Sampler, asked: str, field: str) -> _Sampler:
        """The sampler that has the scheduler in its name, for a server without schedulers."""
        if _plain(asked) == _AUTOMATIC or _plain(sampler.name).endswith(_plain(asked)):
            return sampler
        samplers = self._samplers or []
        found = _find(f"{sampler.name} {asked}", samplers)
        if found is None:
            known = (one.name for one in samplers if one.name.startswith(sampler.name))
            raise _no("scheduler", asked, known, field)
        return found


_Named = TypeVar("_Named", _Sampler, _Scheduler)


def _find(asked: str, known: list[_Named]) -> _Named | None:
    """The one of a name: as it is, else in another letter case, else with other separators."""
    for form in (str, str.lower, _plain):
        found = [one for one in known if form(asked) in map(form, one.names())]
        if found:
            return found[0]
    return None


def _names_of(scheduler: _Scheduler | None) -> frozenset[str]:
    return frozenset() if scheduler is None else frozenset(map(_plain, scheduler.names()))


def _asked(value: Any) -> str:
    """The name that a field asks for; "" where it asks for none, or holds no name."""
    name = value.strip() if isinstance(value, str) else ""
    return "" if name.lower() in _SAME else name


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.lower())


def _no(kind: str, asked: str, known: Iterable[str], field: str) -> RejectedTaskError:
    shown = asked[:_MAX_CHARACTERS]
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(shown, names, n=5, cutoff=0.4) or names[:5]
    hint = f"; near it: {', '.join(near)}" if near else "; this server has none"
    message = f"{field}: there is no {kind} {shown!r}{hint}"
    return RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, message)
