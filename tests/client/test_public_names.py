"""Every public name of the client is typed and documented, and both clients are the same."""

import ast
import importlib
import inspect
import pkgutil
import runpy
import tomllib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import tessera_client
from tests.support.processes import ROOT

PACKAGE = ROOT / "client" / "tessera_client"


def modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(tessera_client.__path__, "tessera_client.")
    return [tessera_client, *(importlib.import_module(one.name) for one in found)]


def definitions(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Public classes, functions and methods, also those of public classes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name.startswith("_") and node.name not in ("__init__", "__enter__"):
                continue
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                yield from ((f"{node.name}.{n}", child) for n, child in definitions(node))


def attributes(node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    """Public annotated members of a class, and whether a docstring follows."""
    for member, following in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            documented = isinstance(following, ast.Expr) and isinstance(
                following.value, ast.Constant
            )
            yield member.target.id, documented


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_everything_is_documented_and_typed(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    assert ast.get_docstring(tree)
    for name, node in definitions(tree):
        if isinstance(node, ast.ClassDef):
            assert ast.get_docstring(node), name
            continue
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        documented = ast.get_docstring(node) or node.name == "__init__"
        assert documented, f"{module.__name__}.{name} has no docstring"
        assert node.returns is not None, name
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for argument in arguments:
            assert argument.annotation or argument.arg == "self", f"{name}({argument.arg})"


def test_every_exported_name_is_documented() -> None:
    public = {name for name in vars(tessera_client) if not name.startswith("_")}
    submodules = {one.name for one in pkgutil.iter_modules(tessera_client.__path__)}
    assert public - submodules == set(tessera_client.__all__)
    aliases = {"JobState", "ReadingState", "Source", "Verdict"}
    for name in set(tessera_client.__all__) - aliases:
        assert inspect.getdoc(getattr(tessera_client, name)), name
    for name in ("types", "reading_types", "comparison_types", "errors", "retries"):
        for node in ast.parse((PACKAGE / f"{name}.py").read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert [n for n, documented in attributes(node) if not documented] == [], node.name


def test_the_asynchronous_client_is_made_of_the_blocking_one() -> None:
    """After a change of client.py, run scripts/async_client."""
    converted = runpy.run_path(str(ROOT / "scripts" / "async_client"))["converted"]
    made = converted((PACKAGE / "client.py").read_text())
    kept = (PACKAGE / "async_client.py").read_text()
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(kept))
    assert "edit" in kept.splitlines()[0]


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, Any]:
        own = {n: v for n, v in vars(kind).items() if inspect.isfunction(v)}
        return {n: list(inspect.signature(v).parameters) for n, v in own.items() if n[0] != "_"}

    blocking = methods(tessera_client.Client)
    assert blocking == methods(tessera_client.AsyncClient)
    assert len(blocking) > 20


def test_the_package_is_typed_and_of_the_same_version() -> None:
    assert (PACKAGE / "py.typed").is_file()
    whole, alone = (
        tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        for folder in (ROOT, ROOT / "client")
    )
    assert whole["version"] == alone["version"]
    assert whole["requires-python"] == alone["requires-python"]
    assert set(alone["dependencies"]) <= set(whole["dependencies"])
    assert (ROOT / "LICENSE").read_bytes() == (ROOT / "client" / "LICENSE").read_bytes()
