#!/usr/bin/env python3
"""Pins the container images of the Dockerfile and of docker-compose.yml by their digests.

    scripts/pin_images.py           looks the digests up, with Docker, and writes them
    scripts/pin_images.py --check   fails for an image that is not pinned by a digest

A tag can be moved to another image; a digest is the hash of one. The release workflow runs --check.
Images that are built here (`tessera:...`) have no digest before they are built.
"""

import argparse
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = ("Dockerfile", "docker-compose.yml")
IMAGE = re.compile(
    r"(?P<before>^FROM |^ARG BASE=|--build-arg BASE=|^ +BASE: |^ +image: )"
    r"(?P<image>[a-z0-9][\w./-]*:[\w.-]+)(?P<digest>@sha256:[0-9a-f]{64})?",
    re.MULTILINE,
)
OWN = "tessera:"


def main() -> None:
    """Writes or checks the digests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    missing = [f"{name}: {image}" for name in FILES for image in unpinned(text_of(name))]
    if check and missing:
        raise SystemExit(
            "These images are not pinned by a digest:\n  " + "\n  ".join(missing) + "\n"
            "Run `scripts/pin_images.py` where Docker reaches their registries."
        )
    if not check:
        for name in FILES:
            (ROOT / name).write_text(pinned(text_of(name), digest_of), "utf-8")


def text_of(name: str) -> str:
    """The content of a file of the repository."""
    return (ROOT / name).read_text("utf-8")


def unpinned(text: str) -> list[str]:
    """The images of others that have no digest."""
    return sorted(
        {
            match["image"]
            for match in IMAGE.finditer(text)
            if not match["digest"] and not match["image"].startswith(OWN)
        }
    )


def pinned(text: str, digest_of: Callable[[str], str]) -> str:
    """The text with the present digest of every image of others."""

    def written(match: re.Match[str]) -> str:
        if match["image"].startswith(OWN):
            return match[0]
        return f"{match['before']}{match['image']}@{digest_of(match['image'])}"

    return IMAGE.sub(written, text)


def digest_of(image: str) -> str:
    """The digest of a tag at its registry, for all platforms together."""
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format"]
    done = subprocess.run(
        [*command, "{{.Manifest.Digest}}"], check=True, capture_output=True, text=True
    )
    digest = done.stdout.strip()
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise SystemExit(f"Docker gave no digest for {image}.")
    return digest


if __name__ == "__main__":
    main()
