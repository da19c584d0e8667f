"""What a real ComfyUI 0.8.0 answers whatever happens: the files in ``answers``."""

import json
from importlib import resources
from typing import Any


def recorded_answer(name: str) -> Any:
    """A recorded JSON value.

    Args:
        name: A file of the folder ``answers``, without ``.json``.
    """
    file = resources.files(__package__) / "answers" / f"{name}.json"
    return json.loads(file.read_text("utf-8"))


def recorded_words(name: str) -> list[str]:
    """A recorded list of words, such as the samplers."""
    return [str(word) for word in recorded_answer(name)]
