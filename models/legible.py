"""Text of others as it may stand in an error, a log line or a header: one line, and bounded.

Names of streams, files, arrays and fields come from outside. With a line feed in it, a name writes
a log line of its own; with an escape sequence it moves a terminal's cursor.
"""

LONGEST = 1500
_SPACES = str.maketrans("\t\n\r\v\f\u2028\u2029", "       ")


def legible(text: str, *, longest: int = LONGEST) -> str:
    """The text with every character visible, and its middle left out where it is too long.

    Line breaks become spaces, whatever else cannot be printed an escape as in `repr`.
    """
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]} [{len(text) - 2 * half} characters left out] {text[-half:]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text.translate(_SPACES))
