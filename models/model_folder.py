"""The folder of a model: its files, and how a new one appears."""

import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from imaging.errors import BadModel
from models.card import ModelCard


@contextmanager
def draft_folder(target: Path) -> Iterator[Path]:
    """A context with an empty folder that is `target` at the end, or gone after an error: a model
    is visible completely or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".draft-{secrets.token_hex(8)}")
    draft.mkdir()  # with the umask's mode, which `mkdtemp` ignores
    try:
        yield draft
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def remove_folder(folder: Path) -> None:
    """Deletes the folder of a model; it disappears at once, so that nobody sees a part of it."""
    discarded = Path(mkdtemp(prefix=".removed-", dir=folder.parent))
    folder.rename(discarded / folder.name)
    shutil.rmtree(discarded)


def folder_state(folder: Path) -> Iterable[tuple[Path, int, int]]:
    """Path, time of change and size of the card and each network. Raises OSError."""
    for file in (folder / "card.json", *folder.glob("*.onnx")):
        status = file.stat()
        yield file, status.st_mtime_ns, status.st_size


def case_files(card: ModelCard, source: Path) -> tuple[str, ...]:
    """Names of the files of sample and reference; raises BadModel where one is missing, or a
    symbolic link, which may lead to any file."""
    files = (
        *(card.sample.files if card.sample else ()),
        *(card.reference.files if card.reference else ()),
    )
    for name in files:
        if (source / name).is_symlink():
            raise BadModel(
                f"The sample or reference {name} that the card names is a symbolic link.",
                expected="Files: links are not followed.",
                hint="Copy the file into the folder.",
            )
        if not (source / name).is_file():
            raise BadModel(
                f"The folder contains no {name}, which the card names as sample or reference.",
                expected="A folder with model.onnx, card.json and the files that the card names.",
                hint="Add the file, or correct the card.",
            )
    return tuple(dict.fromkeys(files))
