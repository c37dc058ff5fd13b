"""Values and names in the words of a message."""

from collections.abc import Collection

_LONGEST = 60


def describe(value: object) -> str:
    """What a person calls a value from a YAML file."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) >= 1 << 64:  # Python refuses to print one of some thousand digits
            return "a huge number"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value!r}" if len(value) <= _LONGEST else f"the text {value[:_LONGEST]!r}..."
        case list():
            return "a list"
        case dict():
            return "a mapping"
    return f"a value of type {type(value).__name__}"


def near(name: str, choices: Collection[str]) -> str | None:
    """Which of ``choices`` may be meant."""
    import difflib  # only needed where something is wrong

    return next(iter(difflib.get_close_matches(name, choices, n=1)), None)


def hint(name: str, choices: Collection[str]) -> str:
    """Which of ``choices`` may be meant, or all of them."""
    meant = near(name, choices)
    return f"did you mean {meant!r}?" if meant else f"there are: {', '.join(choices)}"
