"""The script for a borrowed machine with a GPU: steps, pieces, and a run on the processor."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu.pieces import join, split
from benchmarks.gpu.steps import Step, run_steps

ROOT = Path(__file__).parents[2]
FACTS = "print('text'); print('{\"seconds\": [1.5]}')"


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


@pytest.mark.process
def test_a_step_that_fails_or_hangs_does_not_stop_the_next(tmp_path: Path) -> None:
    steps = [
        Step("good", python(FACTS), 60),
        Step("bad", python("print('the reason'); raise SystemExit(3)"), 60),
        Step("slow", python("import time; time.sleep(60)"), 0.3),
        Step("absent", [str(tmp_path / "no such program")], 60),
        Step("last", python(FACTS), 60),
    ]
    outcomes = run_steps(steps, tmp_path, dict, 120, {"device": "cpu"})
    assert [one.outcome for one in outcomes] == [
        "passed", "failed", "timed out", "failed", "passed",
    ]  # fmt: skip
    assert [one.figures for one in outcomes] == [
        {"seconds": [1.5]}, {}, {}, {}, {"seconds": [1.5]},
    ]  # fmt: skip
    saved = json.loads((tmp_path / "results.json").read_text())
    assert saved["device"] == "cpu"
    assert [row["step"] for row in saved["steps"]] == [step.name for step in steps]
    assert "===== bad\nthe reason\n" in (tmp_path / "log.txt").read_text()


@pytest.mark.process
def test_no_step_starts_when_the_time_is_used_up(tmp_path: Path) -> None:
    steps = [Step("long", python("import time; time.sleep(60)"), 60), Step("late", python(""), 60)]
    outcomes = run_steps(steps, tmp_path, dict, 0.3, {})
    assert [one.outcome for one in outcomes] == ["timed out", "not started"]
    assert outcomes[0].seconds < 30


def test_pieces_are_small_and_give_the_same_files(tmp_path: Path) -> None:
    folder, pieces = tmp_path / "wheels", tmp_path / "pieces"
    folder.mkdir()
    contents = {"a.whl": bytes(range(256)) * 400, "b.whl": b"", "c.whl": b"c" * 70_000}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    written = split(folder, pieces, 50_000)
    assert len(written) > 3
    assert max(piece.stat().st_size for piece in written) == 50_000
    join(pieces, tmp_path / "joined")
    joined = {path.name: path.read_bytes() for path in (tmp_path / "joined").iterdir()}
    assert joined == contents


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_damaged_pieces_are_refused(damage: str, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a.whl").write_bytes(b"a" * 100_000)
    written = split(tmp_path / "wheels", tmp_path / "pieces", 30_000)
    if damage == "missing":
        written[1].unlink()
    else:
        written[1].write_bytes(b"b" + written[1].read_bytes()[1:])
    with pytest.raises(ValueError, match="missing or was changed"):
        join(tmp_path / "pieces", tmp_path / "joined")


@pytest.mark.process
@pytest.mark.slow
def test_on_the_processor_the_contenders_run_and_agree(tmp_path: Path) -> None:
    script, out = ROOT / "benchmarks" / "gpu" / "run.py", tmp_path / "out"
    command = [
        sys.executable,
        "-P",
        str(script),
        str(out),
        "--device",
        "cpu",
        "--edge",
        "48",
        "--runs",
        "1",
    ]
    subprocess.run(
        [*command, "--only", "case", "torch, fp32", "CUDA, fp32"], check=True, capture_output=True
    )
    rows: list[dict[str, Any]] = json.loads((out / "results.json").read_text())["steps"]
    assert [(row["step"], row["outcome"]) for row in rows] == [
        ("case", "passed"),
        ("torch, fp32", "passed"),
        ("Tessera, CUDA, fp32", "passed"),
    ]
    figures = [row["figures"] for row in rows[1:]]
    assert {one["voxels"] for one in figures} == {48**3}
    assert max(one["differ"] for one in figures) <= 2
    assert all(0 < one["seconds"][0] < 600 for one in figures)
