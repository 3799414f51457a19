"""Figures in docs/benchmarks.md are those that the benchmarks kept, in words and in pictures."""

import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
RESULTS, DOCS = ROOT / "benchmarks" / "results", ROOT / "docs"
PICTURES = sorted(path.name for path in (DOCS / "benchmarks").iterdir())
SVG = "{http://www.w3.org/2000/svg}"


def report(out: Path, results: Path = RESULTS) -> Path:
    command = [sys.executable, "-P", ROOT / "benchmarks" / "report.py"]
    subprocess.run([*command, "--results", results, "--out", out], check=True)  # type: ignore[list-item]
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(tmp_path_factory.mktemp("report"))


def texts(picture: Path) -> list[str]:
    """All that can be read in it, whatever release of matplotlib placed it."""
    return [text.text for text in ET.parse(picture).iter(f"{SVG}text") if text.text]


def results(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())


def test_the_page_is_what_the_report_makes_of_the_results(made: Path) -> None:
    """Else run `python -P benchmarks/report.py`."""
    assert (made / "benchmarks.md").read_text() == (DOCS / "benchmarks.md").read_text()


def test_all_results_and_pictures_are_used(made: Path) -> None:
    page = (DOCS / "benchmarks.md").read_text()
    pages = "".join(path.read_text() for path in DOCS.rglob("*.md"))
    named = re.findall(r"^<!-- made from (.+)\.json -->$", pages, re.MULTILINE)
    assert sorted(named) == sorted(path.stem for path in RESULTS.iterdir())
    assert sorted(path.name for path in (made / "benchmarks").iterdir()) == PICTURES
    assert sorted(re.findall(r"\(benchmarks/(.+\.svg)\)", page)) == PICTURES


def test_ties_are_voxels_whose_two_best_logits_are_as_good_as_equal() -> None:
    from benchmarks.meshnet import ties

    logits = np.zeros((3, 2, 1, 1), np.float32)
    logits[:, 0, 0, 0] = 5, 0, 5 + 0.9e-4
    logits[:, 1, 0, 0] = -5, 5, 5 + 1.1e-4
    assert ties(logits).ravel().tolist() == [True, False]


def test_the_table_of_bundles_says_what_their_results_say() -> None:
    from benchmarks.monai_bundles import table

    page = (DOCS / "how-to" / "import-model.md").read_text()
    _, after = page.split("<!-- made from monai_bundles.json -->\n")
    rows, _, _ = after.partition("\n\n")
    assert rows.splitlines() == table(results("monai_bundles")["rows"])


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_say_what_the_results_say(made: Path, name: str) -> None:
    kept = texts(DOCS / "benchmarks" / name)
    assert kept == texts(made / "benchmarks" / name)
    assert len(kept) > 8


@pytest.mark.parametrize("name", ["peers-3d", "peers-2d"])
def test_ratios_are_quotients_and_bars_as_long(name: str) -> None:
    rows = results(name)["rows"]
    ratios = sorted((row["seconds"] / rows[-1]["seconds"] for row in rows), reverse=True)
    picture = ET.parse(DOCS / "benchmarks" / f"{name}.svg")
    lengths = []
    for place in range(len(rows)):
        (path,) = picture.find(f".//{SVG}g[@id='bar-{place}']")  # type: ignore[misc]
        across = [float(x) for x in re.findall(r"[ML] (\S+) \S+", path.attrib["d"])]
        lengths.append(max(across) - min(across))
    assert [n / lengths[-1] for n in lengths] == pytest.approx(ratios, rel=1e-3)
    told = texts(DOCS / "benchmarks" / f"{name}.svg")
    assert {f"{ratio:.1f}" for ratio in ratios} <= set(told)


def test_a_figure_that_changes_changes_the_page(tmp_path: Path) -> None:
    other = Path(shutil.copytree(RESULTS, tmp_path / "results"))
    file = other / "peers-3d.json"
    file.write_text(file.read_text().replace('"seconds": 111.83', '"seconds": 7300'))
    out = report(tmp_path / "out", other)
    was, now = ((folder / "benchmarks.md").read_text() for folder in (DOCS, out))
    assert set(now.splitlines()) - set(was.splitlines()) == {
        was_line.replace("111.83", "7300.00").replace("153.2", "10000.0")
        for was_line in was.splitlines()
        if "111.83" in was_line
    }
    assert "10000.0" in texts(out / "benchmarks" / "peers-3d.svg")


def test_a_record_tells_machine_and_versions_and_no_host(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; sys.path.append(sys.argv[1])\n"
        "from record import save; save(Path(sys.argv[2]), [{'a': 1}, {'a': 2}], grid=[1, 2])"
    )
    file = tmp_path / "it.json"
    subprocess.run([sys.executable, "-P", "-c", program, ROOT / "benchmarks", file], check=True)
    told = json.loads(file.read_text())
    assert told["rows"] == [{"a": 1}, {"a": 2}]
    assert told["grid"] == [1, 2]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", told["date"])
    assert told["machine"]["processor"]
    assert told["machine"]["cores"] >= 1
    assert told["versions"]["onnxruntime"]
    assert json.dumps(platform.node()) not in file.read_text()
