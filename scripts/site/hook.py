"""MkDocs hook: adds the pages and tables that are made from the code while the site is built.

In the navigation of mkdocs.yml, `Decisions: decisions/` stands for all pages of that folder. In a
page, `<!-- generated: NAME -->` is replaced by the table of that name.
"""

import re
from pathlib import Path
from typing import Any

import api_page
import card_page
import cli_page
import dicom_tables
import formats_table
import settings_page
import training_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGES = {
    "reference/api.md": api_page.page,
    "reference/card.md": card_page.page,
    "reference/card-of-parts.md": card_page.page_of_parts,
    "reference/cli.md": cli_page.page,
    "reference/settings.md": settings_page.page,
    "reference/training.md": training_page.page,
}
TABLES = {
    "formats": formats_table.formats,
    "storage-classes": dicom_tables.storage_classes,
    "transfer-syntaxes": dicom_tables.transfer_syntaxes,
}
_PLACE = re.compile(r"^<!-- generated: ([\w-]+) -->$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replaces every folder in the navigation by its pages; an index comes first."""
    config.nav = [_expand(item, Path(config.docs_dir)) for item in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Every generated page is a file like any other: navigation and links see it."""
    for name, page in PAGES.items():
        files.append(File.generated(config, name, content=page()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Puts the tables into their places. Raises KeyError for a table that there is not."""
    return _PLACE.sub(lambda match: "\n".join(TABLES[match[1]]()), markdown)


def _expand(item: Any, docs: Path) -> Any:
    if isinstance(item, dict):
        return {title: _expand(part, docs) for title, part in item.items()}
    if isinstance(item, list):
        return [_expand(part, docs) for part in item]
    if not str(item).endswith("/"):
        return item
    pages = sorted((docs / item).glob("*.md"), key=lambda path: (path.stem != "index", path.name))
    return [path.relative_to(docs).as_posix() for path in pages]
