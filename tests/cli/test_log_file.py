"""The log files of `tessera up` are bounded; a process that writes to one needs not know."""

import shutil
from pathlib import Path

from cli.log_file import KEPT, LogFile


def test_a_large_log_is_divided(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "gateway.log", 1000)
    with log.open() as output:  # as the child has it open
        for number in range(100):
            output.write(f"{number:099d}\n".encode())
            output.flush()
            log.divide_if_large()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [
        "gateway.log",
        *(f"gateway.log.{n + 1}" for n in range(KEPT)),
    ]
    assert (tmp_path / "gateway.log").stat().st_size == 0
    lines = [int(line) for file in reversed(files) for line in file.read_text().splitlines()]
    assert lines == list(range(100 - 10 * KEPT, 100))
    log.path.write_bytes(bytes(10_000) + b"end")
    log.divide_if_large()
    assert (tmp_path / "gateway.log.1").read_bytes() == bytes(1997) + b"end"


def test_the_last_error(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.log", 1000)
    log.path.write_text("Error: old\n  more\nother\nError: new\n  a\n  b\nlast\n  c\n")
    assert log.last_text_with("Error: ", "  ") == "new a b"
    assert log.last_text_with("Warning: ", "  ") == ""


def test_a_log_that_was_removed_ends_nothing(tmp_path: Path) -> None:
    """Somebody tidies up while `tessera up` runs, and a child starts again later."""
    log = LogFile(tmp_path / "logs" / "gateway.log", 10)
    with log.open() as output:
        shutil.rmtree(log.path.parent)
        output.write(bytes(100))
    log.divide_if_large()
    assert log.last_text_with("Error: ", "  ") == ""
    with log.open() as output:
        output.write(b"again\n")
    assert log.path.read_bytes() == b"again\n"
