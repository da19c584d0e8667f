"""Which scripts a request may name. All but "prompt matrix" change nothing but the pixels."""

from collections.abc import Mapping, Sequence
from typing import cast

from easel_simulators.sdwebui.errors import WebuiError
from easel_simulators.sdwebui.settings import recorded_answer

_ALWAYS_ON = frozenset({"extra options", "hypertile", "refiner", "seed", "soft inpainting"})


class Scripts:
    """The scripts that are installed."""

    def __init__(self, extensions: Sequence[str] = ()) -> None:
        """List them.

        Args:
            extensions: Always-on scripts beyond those that SD WebUI comes with, such as
                ``controlnet``.
        """
        recorded = cast("dict[str, list[str]]", recorded_answer("scripts"))
        self.listed = {tab: [*names, *extensions] for tab, names in recorded.items()}
        self._always_on = _ALWAYS_ON | {name.lower() for name in extensions}

    def check_selected(self, tab: str, name: object) -> None:
        """Check the one script that a request selects.

        Raises:
            WebuiError: 422: there is none of that name.
        """
        if name and str(name).lower() not in self._names(tab):
            raise WebuiError.refused(422, f"Script '{name}' not found")

    def check_always_on(self, tab: str, scripts: object) -> None:
        """Check the names under ``alwayson_scripts``.

        Raises:
            WebuiError: 422: there is none of that name, or it is one to select.
        """
        for name in scripts if isinstance(scripts, Mapping) else ():
            if name.lower() not in self._names(tab):
                raise WebuiError.refused(422, f"Script '{name}' not found")
            if name.lower() not in self._always_on:
                raise WebuiError.refused(
                    422, "Cannot have a selectable script in the always on scripts params"
                )

    def _names(self, tab: str) -> frozenset[str]:
        return frozenset(name.lower() for name in self.listed[tab])
