"""Prints the packages, their layers and the imports between them; fails for forbidden imports.

    python scripts/structure.py [--quiet] [--root FOLDER]

Packages and layers are those of `tool.importlinter` in FOLDER/pyproject.toml. A package that has a
layers contract of its own (`containers`) is shown by its layers, too. The exit status is 1 if
modules or packages import each other in a cycle, or if a lower layer imports from a higher one.
"""

import argparse
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grimp

Arrow = tuple[str, str]
"""(importer, imported)."""


@dataclass(frozen=True, slots=True)
class Contract:
    """Layers from the highest to the lowest. Each holds one or more parts, as full module names."""

    name: str
    container: str
    """The package whose parts are layered, or "" for the root packages."""
    layers: tuple[tuple[str, ...], ...]
    ignored: tuple[str, ...]

    def level(self, module: str) -> int | None:
        """Number of the module's layer, 0 for the highest. None if it is in no layer."""
        for number, parts in enumerate(self.layers):
            if any(is_inside(module, part) for part in parts):
                return number
        return None


def is_inside(module: str, package: str) -> bool:
    """Whether `module` is `package` or one of its descendants."""
    return module == package or module.startswith(f"{package}.")


def contracts_of(settings: dict[str, Any]) -> Iterator[Contract]:
    """The layers contracts of import-linter, one for each container."""
    for contract in settings.get("contracts", []):
        if contract["type"] != "layers":
            continue
        for container in contract.get("containers", [""]):
            yield Contract(
                contract["name"],
                container,
                tuple(_parts(layer, container) for layer in contract["layers"]),
                tuple(contract.get("ignore_imports", ())),
            )


def _parts(layer: str, container: str) -> tuple[str, ...]:
    names = [name.strip(" ()") for name in layer.replace(":", "|").split("|")]
    return tuple(f"{container}.{name}" if container else name for name in names)


def imports_of(graph: grimp.ImportGraph, ignored: Iterable[str] = ()) -> set[Arrow]:
    """Every import of one module by another, except those that match an ignored pattern."""
    arrows = {
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    for pattern in ignored:
        for match in graph.find_matching_direct_imports(pattern):
            arrows.discard((match["importer"], match["imported"]))
    return arrows


def between(arrows: Iterable[Arrow], parts: Iterable[str]) -> Counter[Arrow]:
    """Number of imports from each part to each other one; a part is a package or a module."""
    longest_first = sorted(parts, key=len, reverse=True)

    def part_of(module: str) -> str | None:
        return next((part for part in longest_first if is_inside(module, part)), None)

    named = ((part_of(importer), part_of(imported)) for importer, imported in arrows)
    return Counter((a, b) for a, b in named if a is not None and b is not None and a != b)


def cycles(arrows: Iterable[Arrow]) -> list[list[str]]:
    """Groups of nodes that import each other, directly or through others (Tarjan 1972)."""
    following: dict[str, list[str]] = {}
    for importer, imported in sorted(arrows):
        following.setdefault(importer, []).append(imported)
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = lowest[node] = len(index)
        stack.append(node)
        for other in following.get(node, []):
            if other not in index:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], index[other])
        if lowest[node] == index[node]:
            place = stack.index(node)
            group, stack[place:] = stack[place:], []
            if len(group) > 1:
                groups.append(sorted(group))

    for node in list(following):
        if node not in index:
            visit(node)
    return sorted(groups)


def upward(contract: Contract, arrows: Iterable[Arrow]) -> list[Arrow]:
    """Imports from a lower layer to a higher one, or between two parts of one layer."""
    wrong = []
    for importer, imported in arrows:
        here, there = contract.level(importer), contract.level(imported)
        if here is None or there is None or here < there:
            continue
        parts = contract.layers[here]
        same = any(is_inside(importer, part) and is_inside(imported, part) for part in parts)
        if not same:
            wrong.append((importer, imported))
    return sorted(wrong)


def children_of(graph: grimp.ImportGraph, contract: Contract) -> list[str]:
    """The parts that a contract shows: its layers, and what its container holds beside them."""
    layered = [part for layer in contract.layers for part in layer]
    if not contract.container:
        return layered
    return layered + sorted(graph.find_children(contract.container) - set(layered))


def print_structure(graph: grimp.ImportGraph, contract: Contract, root: Path) -> None:
    """Prints each part with its size, and the arrows from it with their numbers of imports."""
    print(f"{contract.container or 'packages'}: {contract.name}")
    counts = between(imports_of(graph), children_of(graph, contract))
    for part in children_of(graph, contract):
        if part not in graph.modules:
            continue
        level = contract.level(part)
        modules = {part, *graph.find_descendants(part)}
        size = f"{len(modules):3} modules, {lines_of(modules, root):6,} lines"
        print(f"  {'-' if level is None else level + 1} {part:28} {size}")
        for (importer, imported), count in sorted(counts.items()):
            if importer == part:
                print(f"      -> {imported:24} {count:4} imports")
    print()


def lines_of(modules: Iterable[str], root: Path) -> int:
    """Number of lines of the modules' files."""
    total = 0
    for module in modules:
        stem = root.joinpath(*module.split("."))
        file = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
        total += len(file.read_text().splitlines()) if file.is_file() else 0
    return total


def faults_of(graph: grimp.ImportGraph, contracts: list[Contract]) -> list[str]:
    """One line for every cycle and every upward arrow."""
    arrows = imports_of(graph)
    faults = [f"cycle of modules: {' <-> '.join(group)}" for group in cycles(arrows)]
    for contract in contracts:
        kept = imports_of(graph, contract.ignored)
        groups = cycles(between(kept, children_of(graph, contract)))
        faults += [f"cycle of packages: {' <-> '.join(group)}" for group in groups]
        faults += [
            f"upward arrow ({contract.name}): {importer} -> {imported}"
            for importer, imported in upward(contract, kept)
        ]
    return faults


def main() -> int:
    """Prints the structure of a project, and returns the exit status."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quiet", action="store_true", help="print only what is not allowed")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    options = parser.parse_args()
    root = options.root.resolve()
    sys.path.insert(0, str(root))
    pyproject = tomllib.loads((root / "pyproject.toml").read_text())
    settings = pyproject["tool"]["importlinter"]
    graph = grimp.build_graph(*settings["root_packages"], cache_dir=None)
    contracts = list(contracts_of(settings))
    if not options.quiet:
        for contract in contracts:
            print_structure(graph, contract, root)
    faults = faults_of(graph, contracts)
    for fault in faults:
        print(fault)
    if not options.quiet and not faults:
        print("No cycle, and no import runs upwards.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
