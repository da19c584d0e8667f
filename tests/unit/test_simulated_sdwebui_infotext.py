"""Infotext: what is written is read back."""

import pytest

from easel_simulators.sdwebui.infotext import compose, parse

pytestmark = pytest.mark.unit

PAIRS = {"Steps": 2, "Sampler": "Euler", "Size": "64x32", "VAE": None}


@pytest.mark.parametrize("prompt", ["a cat", "", "two\nlines", "Steps: many, and commas"])
@pytest.mark.parametrize("negative", ["bad", ""])
def test_prompts_are_read_back(prompt: str, negative: str) -> None:
    values = parse(compose(prompt, negative, PAIRS))
    assert (values["Prompt"], values["Negative prompt"]) == (prompt, negative)
    assert (values["Steps"], values["Size-1"], values["Size-2"]) == ("2", "64", "32")
    assert "VAE" not in values


@pytest.mark.parametrize("value", ["a, b", "a: b", "two\nlines", 'say "x", then', "a, b\\"])
def test_values_with_separators_are_quoted(value: str) -> None:
    text = compose("p", "", {"Hires prompt": value, **PAIRS})
    assert (parse(text)["Hires prompt"], parse(text)["Steps"]) == (value, "2")


@pytest.mark.parametrize("text", ["", "only a prompt", "a: 1, b: 2"])
def test_text_without_settings_is_a_prompt(text: str) -> None:
    assert parse(text)["Prompt"] == text
