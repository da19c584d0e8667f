"""Infotext: the lines that SD WebUI writes into the PNG chunk ``parameters``, and their reading.

The format is that of captures ``a1111_generate.json``: the prompt, ``Negative prompt: ...`` when
there is one, and a last line of ``Name: value`` pairs.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

_SIZE: Final = re.compile(r"([0-9]+)x([0-9]+)")
_FEWEST_PAIRS = 3

# What png-info adds for settings that the infotext leaves out (capture png_info).
_IMPLIED: Final[Mapping[str, object]] = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Emphasis": "Original",
}


def compose(prompt: str, negative_prompt: str, pairs: Mapping[str, object]) -> str:
    """Write an infotext.

    Args:
        prompt: The prompt; may be empty.
        negative_prompt: The negative prompt; left out when empty.
        pairs: The last line; a value of None is left out.
    """
    negative = f"\nNegative prompt: {negative_prompt}" if negative_prompt else ""
    last = ", ".join(
        f"{name}: {_quoted(value)}" for name, value in pairs.items() if value is not None
    )
    return f"{prompt}{negative}\n{last}".strip()


def parse(text: str) -> dict[str, object]:
    """Read an infotext into the ``parameters`` of ``png-info``."""
    *lines, last = text.strip().split("\n")
    pairs = [piece.strip().partition(": ") for piece in _split(last)]
    pairs = [pair for pair in pairs if pair[1]]
    if len(pairs) < _FEWEST_PAIRS:
        lines, pairs = [*lines, last], []
    prompt, _, negative = "\n".join(lines).partition("Negative prompt:")
    values: dict[str, object] = {"Prompt": prompt.strip(), "Negative prompt": negative.strip()}
    for name, _, quoted in pairs:
        value = _unquoted(quoted)
        size = _SIZE.fullmatch(value)
        if size:
            values[f"{name}-1"], values[f"{name}-2"] = size.groups()
        else:
            values[name] = value
    return {**values, **{name: value for name, value in _IMPLIED.items() if name not in values}}


def _split(line: str) -> list[str]:
    """Split at the commas that are not inside double quotes."""
    pieces = [""]
    quoted = escaped = False
    for character in line:
        if character == "," and not quoted:
            pieces.append("")
            continue
        if character == '"' and not escaped:
            quoted = not quoted
        escaped = character == "\\" and not escaped
        pieces[-1] += character
    return pieces


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if set(text) & set(",:\n") else text


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except json.JSONDecodeError:
        return text
