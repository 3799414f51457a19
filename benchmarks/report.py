"""Writes the tables of docs/benchmarks.md and its charts from the results of the benchmarks.

    python -P benchmarks/report.py [--results benchmarks/results] [--docs docs] [--out docs]

Each benchmark saves its results with `--json benchmarks/results/NAME.json`. The text between
`<!-- made from NAME.json -->` and `<!-- end -->` is replaced; the rest of the page is unchanged.
Needs the extra `evaluate`.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera

from markdown_table import markdown  # noqa: E402
from plots import OTHERS, OWN, THIRD, Bar, Line, bars, lines  # noqa: E402
from record import load  # noqa: E402
from tables import TABLES, Record  # noqa: E402

from inference.runtime_registry import runtime_named  # noqa: E402

Maker = Callable[[Record, Path], list[str]]
"""Writes the chart; returns the lines between the markers, without the last one."""

PACKAGES = {
    "openvino": "OpenVINO",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime-gpu": "ONNX Runtime (GPU)",
    "torch": "torch",
    "monai": "MONAI",
    "nnunetv2": "nnU-Net",
}
CASES = {
    "image-one-layer": "one layer, objects numbered",
    "image-nuclei-2d": "`nuclei-2d` (RGB), objects numbered",
    "volume-one-layer": "one layer, largest component, holes filled",
    "volume-brain-mri-3d": "`brain-mri-3d`, fp32, level by level",
}
SHORT = {
    "image-one-layer": "image, one layer",
    "image-nuclei-2d": "image, nuclei-2d",
    "volume-one-layer": "volume, one layer",
    "volume-brain-mri-3d": "volume, brain-mri-3d",
}


def main() -> None:
    """Writes the page and the charts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs")
    parser.add_argument("--out", type=Path, help="folder to write to, instead of --docs")
    options = parser.parse_args()
    out = options.out or options.docs
    (out / "benchmarks").mkdir(parents=True, exist_ok=True)
    page = (options.docs / "benchmarks.md").read_text("utf-8")
    for name in (*MAKERS, *TABLES):
        record = load(options.results / f"{name}.json")
        if name in TABLES:
            section = TABLES[name](record)
        else:
            section = MAKERS[name](record, out / "benchmarks" / f"{name}.svg")
        page = replaced(page, name, "\n".join([*section, "", conditions(record)]))
    (out / "benchmarks.md").write_text(page, "utf-8")


def replaced(page: str, name: str, section: str) -> str:
    """The page with `section` between the markers of a benchmark."""
    begin, end = f"<!-- made from {name}.json -->", "<!-- end -->"
    pattern = re.compile(f"({re.escape(begin)}\n).*?(\n{re.escape(end)})", re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise SystemExit(f"The page must contain exactly once: {begin} ... {end}")
    return pattern.sub(lambda match: match[1] + section + match[2], page)


def conditions(record: Record) -> str:
    """Date, machine, versions and number of runs, as a line of text."""
    machine = record["machine"]
    features = f" with {', '.join(machine['features'])}" if machine["features"] else ""
    packages = [f"{PACKAGES[name]} {number}" for name, number in record["versions"].items()]
    count = record.get("runs", 1)
    runs = [f"{record.get('statistic', 'medians')} of {count} runs"] if count > 1 else []
    hardware = f"{machine['cores']} cores of {machine['processor']}{features}"
    parts = [record["date"], hardware, ", ".join(packages), *runs]
    return f"*{'; '.join(part for part in parts if part)}.*"


def contenders_3d(record: Record, chart: Path) -> list[str]:
    """Tessera and others on one volume."""
    return contenders(record, chart, "Time for one volume of 160 x 192 x 160 voxels")


def contenders_2d(record: Record, chart: Path) -> list[str]:
    """Tessera and others on one image."""
    return contenders(record, chart, "Time for one image of 4096 x 4096 pixels")


def contenders(record: Record, chart: Path, title: str) -> list[str]:
    """All contenders, compared with the last row, which is Tessera's default."""
    own = record["rows"][-1]
    ratios = [row["seconds"] / own["seconds"] for row in record["rows"]]
    shown = [
        Bar(name_of(row), ratio, f"{ratio:.1f}", OWN if "device" in row else OTHERS)
        for row, ratio in zip(record["rows"], ratios, strict=True)
    ]
    title = f"{title}, as a multiple of Tessera's"
    ordered = sorted(shown, key=lambda bar: -bar.value)
    bars(chart, title, "times; the same network, weights and cores for all", ordered)
    head = "| | s | relative to Tessera | peak memory, MB | voxels that differ | Dice |"
    rows = []
    for row, ratio in zip(record["rows"], ratios, strict=True):
        strong = "**" if row is own else ""
        rows.append(
            (
                f"{strong}{name_of(row)}{strong}{tiles(row)}",
                f"{strong}{row['seconds']:.2f}{strong}",
                f"{ratio:.1f}",
                f"{row['peak_mb']:,.0f}",
                f"{row['differ']:,}",
                f"{row['dice']:.5f}",
            )
        )
    beside = 100 * own["beside_network"]
    overhead = f"In the last row, {beside:.0f} % of the time is not spent in the network."
    return [image(chart, title), "", *markdown(head, rows), "", overhead]


def name_of(row: Record) -> str:
    """The contender; for Tessera with runtime and precision."""
    if "device" not in row:
        return str(row["contender"])
    return f"Tessera, {runtime_named(row['device']).title}, {row['precision']}"


def tiles(row: Record) -> str:
    """The number of tiles in brackets, if there are several."""
    return f" ({row['tiles']} tiles)" if row.get("tiles", 1) > 1 else ""


def outputs(record: Record, chart: Path) -> list[str]:
    """Few and many classes, compared with the logits of the whole scan."""
    voxels = 1
    for n in record["grid"]:
        voxels *= n
    shown, rows = [], []
    for row in record["rows"]:
        logits, used = voxels * row["outputs"] * 4 / 1e9, row["anonymous_mb"] / 1e3
        label = f"{row['outputs']} classes"
        shown += [
            Bar(f"{label}, Tessera: all memory", used, f"{used:.1f}", OWN),
            Bar(f"{label}, float32 logits of the whole scan", logits, f"{logits:.1f}", OTHERS),
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
    bars(chart, title, "Tessera: measured. Logits of the whole scan: computed.", shown)
    head = "| outputs | s | network, s | peak anonymous memory, MB | logits of the whole scan, MB |"
    return [image(chart, f"{title}, for few and for many classes"), "", *markdown(head, rows)]


def sizes(record: Record, chart: Path) -> list[str]:
    """Whole scans compared with a fraction of their size."""
    shown, rows = [], []
    for case, title in CASES.items():
        runs = [row for row in record["rows"] if row["case"] == case]
        *_, whole = (row for row in runs if row["fraction"] == 1)  # the last run of the whole size
        parts = sorted(row["ns_per_voxel"] for row in runs if row["fraction"] == 64)
        whole_ns, count = whole["ns_per_voxel"], whole.get("objects")
        if count:
            title = title.replace("objects", f"{count / 1e6:.1f} million objects")
        color = OWN if case.startswith("image") else THIRD
        shown.append(Line(SHORT[case], parts, whole_ns, color, dashed=case.endswith("one-layer")))
        rows.append(
            (
                title,
                " x ".join(f"{n:,}" for n in whole["grid"]),
                f"{whole['seconds']:.0f}",
                f"{whole['network']:.0f}",
                f"{whole_ns:.0f}",
                spread(parts, "{:.0f}"),
                spread([whole_ns / part for part in reversed(parts)], "{:.2f}"),
                f"{whole['anonymous_mb']:,.0f}",
            )
        )
    title = "Time per voxel, for scans of a 64th of the size and of the whole size"
    lines(chart, title, "ns per voxel", ("17 million voxels", "1,074 million voxels"), shown)
    head = (
        "| | size | s | network, s | ns per voxel | ns per voxel at 1/64 of the size | ratio "
        "| peak anonymous memory, MB |"
    )
    return [image(chart, title), "", *markdown(head, rows)]


def spread(values: Sequence[float], form: str) -> str:
    """One figure, or the range from the first to the last."""
    ends = dict.fromkeys(form.format(value) for value in (values[0], values[-1]))
    return " to ".join(ends)


def image(chart: Path, text: str) -> str:
    """The chart as a Markdown image, relative to the page."""
    return f"![{text}]({chart.parent.name}/{chart.name})"


MAKERS: dict[str, Maker] = {
    "peers-3d": contenders_3d,
    "peers-2d": contenders_2d,
    "classes": outputs,
    "large": sizes,
}
"""Those with a chart; `tables.TABLES` are the others."""

if __name__ == "__main__":
    main()
