"""The command `tessera`, run in this process."""

import pytest

from cli.main import main


def tessera(*arguments: object) -> int:
    """Runs the command and returns its exit status."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Runs the command; its exit status, and all that it printed, on one line."""
    status = tessera(*arguments)
    captured = capsys.readouterr()
    return status, " ".join((captured.out + captured.err).split())
