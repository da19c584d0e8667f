"""Text from outside, made safe for a terminal."""


def printable(text: str) -> str:
    r"""Returns a text with every character that a terminal might obey written out.

    Control characters, among them ESC and C1 codes, and line ends become escapes such as `\x1b`.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
