"""What `tessera-seg[cpu,traces]` brings has no copyleft licence stronger than the LGPL."""

import re
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PERMISSIVE = frozenset(
    [
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "HPND",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "NCSA",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
    ]
)
WEAK_COPYLEFT = frozenset(
    [
        "LGPL-2.1-only",
        "LGPL-2.1-or-later",
        "LGPL-3.0-only",
        "LGPL-3.0-or-later",
        "MPL-2.0",
        "GPL-3.0-or-later-WITH-GCC-exception-3.1",
        "GPL-3.0-with-GCC-exception",
    ]
)
"""They ask for changes to the library itself, and leave the program that uses it alone."""
CLASSIFIERS = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}
REVIEWED = {
    "protobuf": ("3-Clause BSD License", "the text of BSD-3-Clause, under its own name"),
}
"""Licences that no rule here reads: package -> its License field, and what a person read there."""


@dataclass(frozen=True, slots=True)
class Package:
    """One installed distribution and the expression of its licence; empty where it states none."""

    name: str
    licence: str


def required(root: str, extras: frozenset[str]) -> dict[str, set[str]]:
    """The names and extras of all that `root[extras]` installs on this machine, itself included."""
    seen: dict[str, set[str]] = {}
    waiting = [(root, extras)]
    while waiting:
        name, wanted = waiting.pop()
        key = canonicalize_name(name)
        if key in seen and wanted <= seen[key]:
            continue
        seen.setdefault(key, set()).update(wanted)
        waiting += [
            (requirement.name, frozenset(requirement.extras))
            for requirement in map(Requirement, distribution(name).requires or [])
            if applies(requirement, seen[key])
        ]
    return seen


def applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras})


def licence(metadata: Message) -> str:
    """The SPDX expression; else that of the classifiers, all of which hold; else the old field."""
    expression = metadata.get("License-Expression")
    if expression:
        return expression
    stated = [c for c in metadata.get_all("Classifier", []) if c.startswith("License :: ")]
    if stated:
        return " AND ".join(CLASSIFIERS.get(c, c) for c in stated)
    return metadata.get("License") or ""


def packages() -> list[Package]:
    names = required("tessera-seg", frozenset({"cpu", "traces"}))
    return [Package(name, licence(distribution(name).metadata)) for name in sorted(names)]  # type: ignore[arg-type]


def accepted(package: Package) -> bool:
    """Whether some alternative of its licence consists of known licences only."""
    if package.name in REVIEWED and REVIEWED[package.name][0] == package.licence:
        return True
    return any(
        all(part in PERMISSIVE | WEAK_COPYLEFT for part in terms(alternative))
        for alternative in re.split(r"\s+OR\s+", package.licence)
    )


def terms(alternative: str) -> list[str]:
    joined = re.sub(r"\s+WITH\s+", "-WITH-", alternative)
    return [part.strip("() ") for part in re.split(r"\s+AND\s+", joined)]


def test_the_walk_follows_markers_and_extras() -> None:
    names = required("tessera-seg", frozenset({"cpu"}))
    assert {"tessera-seg", "onnxruntime", "numpy", "redis", "sqlalchemy", "vine"} <= set(names)
    assert len(names) > 60
    assert not {"torch", "onnxruntime-gpu", "pytest", "matplotlib", "psycopg"} & set(names)


@pytest.mark.parametrize("package", packages(), ids=lambda package: package.name)
def test_no_licence_is_stronger_than_the_lgpl(package: Package) -> None:
    assert accepted(package), (
        f"{package.name} has the licence '{package.licence}'. Expected a permissive licence, the "
        "LGPL or the MPL. Use another package, or read its licence and enter it in REVIEWED."
    )


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("MIT", True),
        ("MPL-2.0 AND MIT", True),
        ("GPL-3.0-only OR Apache-2.0", True),
        ("GPL-3.0-only WITH Classpath-exception-2.0", False),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later AND MIT", False),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", False),
        ("Other/Proprietary License", False),
        ("", False),
    ],
)
def test_the_rule_itself(stated: str, expected: bool) -> None:
    assert accepted(Package("some-package", stated)) is expected


def test_reviewed_licences_are_still_in_use() -> None:
    names = {package.name: package.licence for package in packages()}
    assert {name: text for name, (text, _) in REVIEWED.items()}.items() <= names.items()
