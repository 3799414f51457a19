"""The site builds without a warning, is complete, and loads nothing from another host."""

import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
from PIL import Image
from pydicom.uid import UID

from cli.main import tessera
from jobs.settings import Settings
from models.card import ModelCard
from models.combination import Combination
from models.training.config import TrainingConfig
from service.app import create_app
from service.dicom import application_entity
from tests.support.processes import ROOT
from tests.support.programs import run

pytestmark = pytest.mark.process
DOCS = ROOT / "docs"
LOADS = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "input": ("src",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "video": ("src", "poster"),
}
"""Elements that a browser loads something for, and where the address is."""
LINKS_LOADED = {"icon", "manifest", "modulepreload", "prefetch", "preload", "stylesheet"}
IMAGE_BYTES = 200_000
IMAGES_BYTES = 3_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-P", "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = run(command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})
    assert "WARNING" not in done.stderr
    return folder


class Loads(HTMLParser):
    """Collects the addresses that a page makes the browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.classes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.classes.update(known.get("class", "").split())
        self.addresses += [known[name] for name in LOADS.get(tag, ()) if name in known]
        if tag == "link" and LINKS_LOADED & set(known.get("rel", "").split()):
            self.addresses.append(known["href"])


def loads(page: Path) -> Loads:
    parser = Loads()
    parser.feed(page.read_text())
    return parser


def text_of(site: Path, name: str) -> str:
    """The text of a page, without tags."""
    html = (site / name / "index.html").read_text()
    return re.sub(r"<[^>]+>", "", html)


def test_every_page_is_in_the_site(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix("")
        folder = name.parent if name.name == "index" else name
        assert (site / folder / "index.html").is_file(), page


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        found = loads(page)
        assert not [a for a in found.addresses if re.match(r"(?:\w+:)?//", a)], page
        assert "mermaid" not in found.classes, f"{page}: the theme would load Mermaid from a CDN"
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:\w+:)?//", sheet.read_text()), sheet
    for drawing in site.rglob("*.svg"):
        text = drawing.read_text()
        assert not re.findall(r"(?:href|src)=['\"]https?:|@import|<script", text), drawing


def test_the_check_finds_what_is_loaded(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<link rel="stylesheet" href="https://a/b.css"><script src="//c/d.js"></script>'
    )
    assert loads(page).addresses == ["https://a/b.css", "//c/d.js"]


def test_the_settings_page_describes_every_setting(site: Path) -> None:
    text = text_of(site, "reference/settings")
    for name, field in Settings.model_fields.items():
        assert f"TESSERA_{name.upper()}\n" in text
        assert field.description, f"the setting {name} has no description"


def commands(command: click.Command, path: str = "tessera") -> Iterator[str]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, f"{path} {name}")


def test_the_command_page_lists_every_command(site: Path) -> None:
    text = text_of(site, "reference/cli")
    paths = list(commands(tessera))
    assert "tessera models add" in paths
    assert [path for path in paths if f"{path} [OPTIONS]" not in text] == []


def test_the_api_page_lists_every_route(site: Path, tmp_path: Path) -> None:
    text = text_of(site, "reference/api")
    paths = create_app(Settings(data=tmp_path)).openapi()["paths"]
    assert "/v1/jobs/{job_id}/mask" in paths
    for path, methods in paths.items():
        for method in methods:
            assert f"{method.upper()} {path}" in text


def test_the_schemas_pages_list_every_field(site: Path) -> None:
    pages = (("card", ModelCard), ("card-of-parts", Combination), ("training", TrainingConfig))
    for name, model in pages:
        text = text_of(site, f"reference/{name}")
        assert [field for field in model.model_fields if f"\n{field}\n" not in text] == []


def test_the_conformance_statement_lists_what_is_accepted(site: Path) -> None:
    text = text_of(site, "reference/dicom-conformance")
    assert len(application_entity.IMAGE_CLASSES) > 30
    for uid in (*application_entity.IMAGE_CLASSES, *application_entity.SYNTAXES):
        assert UID(uid).name in text
        assert f"\n{uid}\n" in text


def test_images_are_small_and_described() -> None:
    images = sorted(DOCS.rglob("*.png"))
    assert len(images) >= 4
    assert max(path.stat().st_size for path in images) < IMAGE_BYTES
    assert sum(path.stat().st_size for path in images) < IMAGES_BYTES
    for path in images:
        with Image.open(path) as image:
            assert min(image.size) > 400
    for page in DOCS.rglob("*.md"):
        for alternative in re.findall(r"!\[([^\]]*)\]\(", page.read_text()):
            assert len(alternative) > 20, page
