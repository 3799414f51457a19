"""What a runtime says about a failure, for a message to the user."""

_MOST = 300


def runtime_words(error: Exception) -> str:
    """The first line of the error's text, without code locations and paths of the machine."""
    words = str(error).strip().split("\n")[0].split()
    kept = [word for word in words if not any(mark in word for mark in "/\\<>")]
    return " ".join(kept)[:_MOST]
