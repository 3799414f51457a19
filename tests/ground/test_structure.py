"""`scripts/structure.py` finds a cycle and an upward import in a made-up project."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "structure.py"
PYPROJECT = """
[tool.importlinter]
root_packages = ["shop", "stock"]
[[tool.importlinter.contracts]]
name = "packages"
type = "layers"
layers = ["shop", "stock"]
[[tool.importlinter.contracts]]
name = "layers of shop"
type = "layers"
containers = ["shop"]
layers = ["web | desk", "orders"]
"""
FILES = {
    "shop/__init__.py": "",
    "shop/web.py": "from shop import orders",
    "shop/desk.py": "from shop import orders",
    "shop/orders.py": "import stock.shelf",
    "stock/__init__.py": "",
    "stock/shelf.py": "",
    "stock/box.py": "from stock import shelf",
}
pytestmark = pytest.mark.process


def structure(*options: str) -> tuple[int, str]:
    """Exit status and output of the script."""
    command = [sys.executable, "-P", str(SCRIPT), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two packages in order, and the layers of one of them."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_packages_layers_and_arrows_are_printed(project: Path) -> None:
    status, text = structure("--root", str(project))
    assert status == 0
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "1 shop 4 modules, 3 lines" in lines
    assert "-> stock 1 imports" in lines
    assert "1 shop.web 1 modules, 1 lines" in lines
    assert "-> shop.orders 1 imports" in lines
    assert "No cycle, and no import runs upwards." in lines
    assert structure("--quiet", "--root", str(project)) == (0, "")


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("stock/shelf.py", "from stock import box", "cycle of modules: stock.box <-> stock.shelf"),
        (
            "stock/box.py",
            "import shop.desk",
            "upward arrow (packages): stock.box -> shop.desk",
        ),
        (
            "shop/orders.py",
            "import stock.shelf\nfrom shop import web",
            "upward arrow (layers of shop): shop.orders -> shop.web",
        ),
        (
            "shop/desk.py",
            "from shop import web",
            "upward arrow (layers of shop): shop.desk -> shop.web",
        ),
    ],
    ids=["cycle", "upward", "upward in a layer", "sideways in a layer"],
)
def test_a_fault_is_found(project: Path, file: str, text: str, fault: str) -> None:
    (project / file).write_text(text)
    status, output = structure("--quiet", "--root", str(project))
    assert status == 1
    assert fault in output.splitlines()


def test_tessera_has_no_cycle_and_no_upward_arrow() -> None:
    assert structure("--quiet") == (0, "")
