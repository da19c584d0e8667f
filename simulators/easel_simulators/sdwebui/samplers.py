"""Which sampler and schedule a request gets, in version 1.8.0 and in 1.10.1.

1.8.0 refuses a sampler that it does not list (recorded). 1.10.1 has schedules apart from samplers
and corrects both in silence: a sampler that it does not list, an alias such as ``k_euler``
included, becomes the first of the list, an unknown schedule ``Automatic`` (recorded; AUTOMATIC1111
1.10.1, ``get_sampler_and_scheduler`` in ``modules/sd_samplers.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from easel_simulators.sdwebui.errors import WebuiError
from easel_simulators.sdwebui.settings import recorded_answer

SCHEDULE_TYPE: Final = "Schedule type"
_AUTOMATIC: Final = "Automatic"
# They have schedules of their own and never tell one: modules/sd_samplers_timesteps.py.
_OWN_SCHEDULE: Final = frozenset({"DDIM", "DDIM CFG++", "PLMS", "UniPC"})

Values = Mapping[str, object]


@dataclass(frozen=True)
class Choice:
    """What a generation samples with.

    Attributes:
        name: The sampler.
        schedule: Its schedule as infotexts tell it; None in versions that have none.
        told: Pairs of ``extra_generation_params``.
    """

    name: str
    schedule: str | None = None
    told: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _Schedule:
    name: str
    label: str
    aliases: Sequence[str]

    @property
    def endings(self) -> tuple[str, ...]:
        return tuple(f" {one}" for one in (self.label, self.name, *self.aliases))


class ListedSamplers:
    """The samplers of version 1.8.0: each with its schedule in its name."""

    has_schedulers = False

    def __init__(self) -> None:
        self.listed = cast("list[dict[str, object]]", recorded_answer("samplers"))
        self.schedulers: list[dict[str, object]] = []
        self._names = {sampler["name"] for sampler in self.listed}

    def choose(self, values: Values) -> Choice:
        """The sampler that a request names, ``sampler_name`` before ``sampler_index``.

        Raises:
            WebuiError: 404: there is none of that name.
        """
        name = values["sampler_name"] or values["sampler_index"]
        if name not in self._names:
            raise WebuiError.refused(404, "Sampler not found")
        return Choice(str(name))

    def named(self, sampler: object, schedule: object) -> tuple[str, object]:
        """The names that an infotext's pairs stand for."""
        return str(sampler), None if schedule == _AUTOMATIC else schedule

    def check_second_pass(self, name: object) -> None:
        """Check ``hr_sampler_name``.

        Raises:
            WebuiError: There is none of that name (``create_sampler`` in modules/sd_samplers.py;
                not recorded).
        """
        if name and name != "Use same sampler" and name not in self._names:
            raise WebuiError.raised("AssertionError", f"bad sampler name: {name}")


class CorrectedSamplers(ListedSamplers):
    """The samplers of version 1.10.1 and its schedules. The lists are from its sources."""

    has_schedulers = True

    def __init__(self) -> None:
        self.listed = cast("list[dict[str, object]]", recorded_answer("samplers-1.10.1"))
        self.schedulers = cast("list[dict[str, object]]", recorded_answer("schedulers-1.10.1"))
        self._defaults = {
            str(sampler["name"]): cast("dict[str, str]", sampler["options"]).get("scheduler")
            for sampler in self.listed
        }
        self._names = set(self._defaults)
        self._schedules = [
            _Schedule(str(one["name"]), str(one["label"]), cast("list[str]", one["aliases"] or []))
            for one in self.schedulers
        ]

    def choose(self, values: Values) -> Choice:
        """The sampler and the schedule, corrected; there is no failure."""
        asked = values["scheduler"]
        name, label = self.named(values["sampler_name"] or values["sampler_index"], asked)
        # A schedule that the request names goes before the one in the sampler's name.
        name, schedule = self._split(name, asked or label)
        used = schedule.name
        if schedule.label == _AUTOMATIC:
            used = self._defaults[name] or used
        label = next(one.label for one in self._schedules if one.name == used)
        told = label != _AUTOMATIC and name not in _OWN_SCHEDULE
        return Choice(name, schedule.label, {SCHEDULE_TYPE: label} if told else {})

    def named(self, sampler: object, schedule: object) -> tuple[str, str]:
        """Names that exist; a sampler's default schedule is ``Automatic``."""
        name, found = self._split(sampler, schedule)
        return name, _AUTOMATIC if self._defaults[name] == found.name else found.label

    def _split(self, sampler: object, schedule: object) -> tuple[str, _Schedule]:
        """Part a name such as ``DPM++ 2M Karras``; put known names in the place of others."""
        named = [one for one in self._schedules if schedule in (one.name, one.label)]
        found = (named or self._schedules)[0]
        name = str(sampler)
        for one in self._schedules:
            ending = next((end for end in one.endings if name.endswith(end)), None)
            if ending:
                found, name = one, name.removesuffix(ending)
        return (name if name in self._defaults else next(iter(self._defaults))), found
