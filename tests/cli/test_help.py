"""Every command and every option has a help text, from which the reference is generated."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from cli import models
from cli.main import COMMANDS, tessera


def commands(
    group: click.Command, name: str, context: click.Context
) -> Iterator[tuple[str, click.Command]]:
    """The command and all subcommands below it, with their full names."""
    yield name, group
    if isinstance(group, click.Group):
        for child in group.list_commands(context):
            command = group.get_command(context, child)
            assert command is not None
            yield from commands(command, f"{name} {child}", context)


ALL = dict(commands(tessera, "tessera", click.Context(tessera)))


def test_all_commands_are_walked() -> None:
    assert {f"tessera {name}" for name in COMMANDS} < set(ALL)
    assert {f"tessera models {name}" for name in models.COMMANDS} < set(ALL)
    assert "tessera webhooks messages" in ALL


@pytest.mark.parametrize("name", ALL)
def test_help_is_complete(name: str) -> None:
    """Sentences that start with a capital letter; for options at least three words."""
    command = ALL[name]
    text = command.help or ""
    assert text.split("\n\n")[0].endswith(".")
    assert text[0].isupper()
    for option in command.params:
        if isinstance(option, click.Option):
            help_text = option.help or ""
            assert len(help_text.split()) >= 3, option.name
            assert help_text.split("  [")[0].endswith("."), option.name


@pytest.mark.parametrize(("_", "summary"), [*COMMANDS.values(), *models.COMMANDS.values()])
def test_the_summary_is_a_sentence(_: str, summary: str) -> None:
    assert summary.endswith(".")


HEAVY = "numpy scipy pydicom nibabel tifffile zarr PIL openvino onnxruntime torch httpx sqlalchemy"
LISTING = f"""
import sys
from cli.main import tessera
tessera.main(sys.argv[1:], standalone_mode=False)
print([name for name in {HEAVY.split()} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.process
@pytest.mark.parametrize(("group", "listed"), [([], "segment"), (["models"], "combine")])
def test_help_loads_no_library_that_commands_need(group: list[str], listed: str) -> None:
    """So that it appears at once: pydantic and click are all that it imports."""
    command = [sys.executable, "-P", "-c", LISTING, *group, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert listed in done.stdout
    assert done.stderr.strip() == "[]"
