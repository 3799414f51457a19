"""Whole numbers in headers that are text, which may have any number of digits."""

MOST = 1 << 62
"""Largest number, or product of numbers, that a header may state; no file holds more bytes. Python
refuses to print numbers of more than 4300 digits, as in an error text."""


def whole_number(text: str) -> int:
    """The number; raises ValueError for other text and beyond MOST."""
    number = int(text)
    if abs(number) > MOST:
        raise ValueError("The number is larger than any file.")
    return number
