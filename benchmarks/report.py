"""Makes the tables of docs/benchmarks.md and its pictures out of what benchmarks found.

    python -P benchmarks/report.py [--results benchmarks/results] [--docs docs] [--out docs]

Each benchmark keeps its figures with `--json benchmarks/results/NAME.json`. What stands between
`<!-- made from NAME.json -->` and `<!-- end -->` is written anew; all else is left as it is.
Needs the extra `evaluate`.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py lies beside this, and `jobs` is a package of the house

from plots import OTHERS, OWN, THIRD, Bar, Line, bars, lines  # noqa: E402
from record import load  # noqa: E402

Record = dict[str, Any]
Maker = Callable[[Record, Path], list[str]]
"""Writes the picture, and gives the lines between the markers but for the last."""

RUNTIMES = {
    "cpu": "ONNX Runtime's own provider",
    "openvino": "OpenVINO",
    "cuda": "CUDA",
    "tensorrt": "TensorRT",
}
PACKAGES = {
    "openvino": "OpenVINO",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime-gpu": "ONNX Runtime (GPU)",
    "torch": "torch",
    "monai": "MONAI",
    "nnunetv2": "nnU-Net",
}
CASES = {
    "picture-one-layer": "one layer, objects numbered",
    "picture-nuclei-2d": "`nuclei-2d` (RGB), objects numbered",
    "volume-one-layer": "one layer, largest component, holes filled",
    "volume-brain-mri-3d": "`brain-mri-3d`, fp32, level by level",
}
SHORT = {
    "picture-one-layer": "picture, one layer",
    "picture-nuclei-2d": "picture, nuclei-2d",
    "volume-one-layer": "volume, one layer",
    "volume-brain-mri-3d": "volume, brain-mri-3d",
}


def main() -> None:
    """Writes the page and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs")
    parser.add_argument("--out", type=Path, help="where to write instead of --docs")
    options = parser.parse_args()
    out = options.out or options.docs
    (out / "benchmarks").mkdir(parents=True, exist_ok=True)
    page = (options.docs / "benchmarks.md").read_text("utf-8")
    for name, maker in MAKERS.items():
        record = load(options.results / f"{name}.json")
        made = [*maker(record, out / "benchmarks" / f"{name}.svg"), "", taken(record)]
        page = between(page, name, "\n".join(made))
    (out / "benchmarks.md").write_text(page, "utf-8")


def between(page: str, name: str, made: str) -> str:
    """The page with `made` between the markers of a benchmark."""
    begin, end = f"<!-- made from {name}.json -->", "<!-- end -->"
    found = re.compile(f"({re.escape(begin)}\n).*?(\n{re.escape(end)})", re.DOTALL)
    if len(found.findall(page)) != 1:
        raise SystemExit(f"The page must say once: {begin} ... {end}")
    return found.sub(lambda match: match[1] + made + match[2], page)


def taken(record: Record) -> str:
    """Where, when and with what."""
    machine = record["machine"]
    features = f" with {', '.join(machine['features'])}" if machine["features"] else ""
    packages = [f"{PACKAGES[name]} {number}" for name, number in record["versions"].items()]
    runs = [f"medians of {record['runs']} runs"] if record.get("runs", 1) > 1 else []
    place = f"{machine['cores']} cores of {machine['processor']}{features}"
    return f"*{'; '.join([record['date'], place, ', '.join(packages), *runs])}.*"


def contenders_3d(record: Record, picture: Path) -> list[str]:
    """One volume."""
    return contenders(record, picture, "Time for one volume of 160 x 192 x 160 voxels")


def contenders_2d(record: Record, picture: Path) -> list[str]:
    """One picture."""
    return contenders(record, picture, "Time for one picture of 4096 x 4096 pixels")


def contenders(record: Record, picture: Path, title: str) -> list[str]:
    """All beside Tessera's own, which comes last."""
    own = record["rows"][-1]
    ratios = [row["seconds"] / own["seconds"] for row in record["rows"]]
    shown = [
        Bar(named(row), ratio, f"{ratio:.1f}", OWN if "device" in row else OTHERS)
        for row, ratio in zip(record["rows"], ratios, strict=True)
    ]
    title = f"{title}, as a multiple of Tessera's"
    ordered = sorted(shown, key=lambda bar: -bar.value)
    bars(picture, title, "times; the same network, weights and cores for all", ordered)
    head = "| | s | times Tessera | peak memory, MB | voxels that differ | Dice |"
    rows = []
    for row, ratio in zip(record["rows"], ratios, strict=True):
        strong = "**" if row is own else ""
        rows.append(
            (
                f"{strong}{named(row)}{strong}{tiles(row)}",
                f"{strong}{row['seconds']:.2f}{strong}",
                f"{ratio:.1f}",
                f"{row['peak_mb']:,.0f}",
                f"{row['differ']:,}",
                f"{row['dice']:.5f}",
            )
        )
    beside = 100 * own["beside_network"]
    told = f"What is not the network's own time is {beside:.0f} % of the last line."
    return [image(picture, title), "", *markdown(head, rows), "", told]


def named(row: Record) -> str:
    """Tessera's by what they ran on."""
    if "device" not in row:
        return str(row["contender"])
    return f"Tessera, {RUNTIMES[row['device']]}, {row['precision']}"


def tiles(row: Record) -> str:
    """Said where there are several."""
    return f" ({row['tiles']} tiles)" if row.get("tiles", 1) > 1 else ""


def outputs(record: Record, picture: Path) -> list[str]:
    """Few and many classes, beside the logits that others keep of the whole."""
    voxels = 1
    for n in record["grid"]:
        voxels *= n
    shown, rows = [], []
    for row in record["rows"]:
        logits, used = voxels * row["outputs"] * 4 / 1e9, row["anonymous_mb"] / 1e3
        label = f"{row['outputs']} classes"
        shown += [
            Bar(f"{label}, Tessera: all of its memory", used, f"{used:.1f}", OWN),
            Bar(f"{label}, float32 logits of the whole", logits, f"{logits:.1f}", OTHERS),
        ]
        rows.append(
            (
                str(row["outputs"]),
                f"{row['seconds']:.1f}",
                f"{row['network']:.1f}",
                f"{row['anonymous_mb']:,.0f}",
                f"{1e3 * logits:,.0f}",
            )
        )
    title = f"Memory for {' x '.join(map(str, record['grid']))} voxels, in GB"
    bars(
        picture, title, "Tessera's was measured; the logits that others keep are arithmetic", shown
    )
    head = "| outputs | s | network s | anonymous memory at most, MB | logits of the whole, MB |"
    return [image(picture, f"{title}, for few classes and for many"), "", *markdown(head, rows)]


def sizes(record: Record, picture: Path) -> list[str]:
    """Whole scans beside a part of their size."""
    shown, rows = [], []
    for case, title in CASES.items():
        runs = [row for row in record["rows"] if row["case"] == case]
        *_, whole = (row for row in runs if row["fraction"] == 1)  # the last run of it
        parts = sorted(row["ns_per_voxel"] for row in runs if row["fraction"] == 64)
        now, count = whole["ns_per_voxel"], whole.get("objects")
        if count:
            title = title.replace("objects", f"{count / 1e6:.1f} million objects")
        color = OWN if case.startswith("picture") else THIRD
        shown.append(Line(SHORT[case], parts, now, color, dashed=case.endswith("one-layer")))
        rows.append(
            (
                title,
                " x ".join(f"{n:,}" for n in whole["grid"]),
                f"{whole['seconds']:.0f}",
                f"{whole['network']:.0f}",
                f"{now:.0f}",
                spread(parts, "{:.0f}"),
                spread([now / part for part in reversed(parts)], "{:.2f}"),
                f"{whole['anonymous_mb']:,.0f}",
            )
        )
    title = "Time per voxel, for scans of a 64th of the size and for the whole"
    lines(picture, title, "ns a voxel", ("17 million voxels", "1,074 million voxels"), shown)
    head = (
        "| | size | s | network s | ns a voxel | at 1/64 of the size | times that "
        "| anonymous memory at most, MB |"
    )
    return [image(picture, title), "", *markdown(head, rows)]


def spread(values: Sequence[float], form: str) -> str:
    """One figure, or from which to which."""
    told = dict.fromkeys(form.format(value) for value in (values[0], values[-1]))
    return " to ".join(told)


def jobs(record: Record, _picture: Path) -> list[str]:
    """From POST to mask; no picture."""
    names = {
        "POST to mask": "POST to mask, one job at a time",
        "POST until a worker takes it": "of these: until a worker takes it",
        "taken until the network starts": "taken until the network starts",
        "network alone": "the network",
    }
    rows = [(names[row["what"]], f"{row['ms']:.0f}") for row in record["rows"]]
    one, four = (record["rates"][at_once] for at_once in ("1", "4"))
    batch = (
        f"A batch of {record['runs']} that is there at once: {one:.1f} pictures a second one by "
        f"one, {four:.1f} taken four at a time."
    )
    return [*markdown("| | ms |", rows), "", batch]


def markdown(head: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """A table."""
    line = "|" + "---|" * (head.count("|") - 1)
    return [head, line, *(f"| {' | '.join(row)} |" for row in rows)]


def image(picture: Path, text: str) -> str:
    """The picture, by its place beside the page."""
    return f"![{text}]({picture.parent.name}/{picture.name})"


MAKERS: dict[str, Maker] = {
    "peers-3d": contenders_3d,
    "peers-2d": contenders_2d,
    "classes": outputs,
    "large": sizes,
    "jobs": jobs,
}

if __name__ == "__main__":
    main()
