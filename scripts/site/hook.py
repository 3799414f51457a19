"""MkDocs hook: adds the pages that are made from the code, and folders of the navigation.

In the navigation of mkdocs.yml, `Decisions: decisions/` stands for all pages of that folder.
"""

from pathlib import Path
from typing import Any

import api_page
import card_page
import cli_page
import settings_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGES = {
    "reference/api.md": api_page.page,
    "reference/card.md": card_page.page,
    "reference/cli.md": cli_page.page,
    "reference/settings.md": settings_page.page,
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replaces every folder in the navigation by its pages; an index comes first."""
    config.nav = [_expand(item, Path(config.docs_dir)) for item in config.nav or []]
    return config


def _expand(item: Any, docs: Path) -> Any:
    if isinstance(item, dict):
        return {title: _expand(part, docs) for title, part in item.items()}
    if isinstance(item, list):
        return [_expand(part, docs) for part in item]
    if not str(item).endswith("/"):
        return item
    pages = sorted((docs / item).glob("*.md"), key=lambda path: (path.stem != "index", path.name))
    return [path.relative_to(docs).as_posix() for path in pages]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Every generated page is a file like any other: navigation and links see it."""
    for name, page in PAGES.items():
        files.append(File.generated(config, name, content=page()))
    return files
