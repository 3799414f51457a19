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
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera

from plots import OTHERS, OWN, THIRD, Bar, Line, bars, lines  # noqa: E402
from record import load  # noqa: E402

from inference.runtime_registry import runtime_named  # noqa: E402

Record = dict[str, Any]
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
    for name, maker in MAKERS.items():
        record = load(options.results / f"{name}.json")
        section = [*maker(record, out / "benchmarks" / f"{name}.svg"), "", conditions(record)]
        page = replaced(page, name, "\n".join(section))
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


def jobs(record: Record, _chart: Path) -> list[str]:
    """Latency from POST to mask; no chart."""
    names = {
        "POST to mask": "POST to mask, one job at a time",
        "POST until a worker starts": "of which: until a worker starts",
        "worker start until network start": "of which: from there until the network starts",
        "network alone": "of which: the network",
    }
    rows = [(names[row["what"]], f"{row['ms']:.0f}") for row in record["rows"]]
    one, four = (record["rates"][at_once] for at_once in ("1", "4"))
    batch = (
        f"A batch of {record['runs']} jobs: {one:.1f} images per second one at a time, {four:.1f} "
        f"images per second four at a time."
    )
    return [*markdown("| | ms |", rows), "", batch]


def precisions(record: Record, _chart: Path) -> list[str]:
    """Each network of the zoo in fp32 and in the precision that it runs in; no chart."""
    head = "| network | scan | fp32, s | precision | s | times as fast |"
    rows = [
        (
            f"`{row['model']}`",
            " x ".join(map(str, row["grid"])),
            f"{row['fp32']:.3f}",
            row["precision"],
            f"{row['seconds']:.3f}",
            f"{row['fp32'] / row['seconds']:.1f}",
        )
        for row in record["rows"]
    ]
    return markdown(head, rows)


def dilated(record: Record, _chart: Path) -> list[str]:
    """A MeshNet on torch and on OpenVINO, with and without phases; no chart."""
    head = "| | processor s | times as fast as torch | peak memory, GB |"
    torch = record["rows"][0]["processor_s"]
    rows = [
        (
            row["contender"],
            f"{row['processor_s']:.2f}",
            f"{torch / row['processor_s']:.1f}",
            f"{row['peak_gb']:.1f}",
        )
        for row in record["rows"]
    ]
    return markdown(head, rows)


def meshnet(record: Record, _chart: Path) -> list[str]:
    """Trained MeshNets on torch and in Tessera; no chart."""
    head = (
        "| network | | s | processor s | times as fast as torch | peak memory, GB "
        "| voxels that differ from torch, of all | of these: ties |"
    )
    torch = {row["network"]: row for row in reversed(record["rows"])}  # the first row of each
    rows = []
    for row in record["rows"]:
        faster = torch[row["network"]]["processor_s"] / row["processor_s"]
        cells = [f"{row['seconds']:.1f}", f"{row['processor_s']:.1f}", f"{faster:.1f}"]
        cells += [f"{row['peak_gb']:.1f}", f"{row['differ']:,} of {row['voxels']:,}"]
        rows.append((f"`{row['network']}`", row["contender"], *cells, f"{row['ties']:,}"))
    return markdown(head, rows)


def windows(record: Record, _chart: Path) -> list[str]:
    """MONAI's inferer and Tessera in the same windows; no chart."""
    head = "| | s | processor s | times as fast as MONAI | voxels with MONAI's label |"
    monai = record["rows"][0]["cpu_seconds"]
    rows = [
        (
            row["name"],
            f"{row['seconds']:.1f}",
            f"{row['cpu_seconds']:.1f}",
            f"{monai / row['cpu_seconds']:.1f}",
            f"{100 * row['equal']:.2f} %",
        )
        for row in record["rows"]
    ]
    return markdown(head, rows)


def formats(record: Record, _chart: Path) -> list[str]:
    """Reading and writing each format, next to an older revision; no chart."""
    head = f"| format | | ms | ms, revision {record['old']} | ratio |"
    rows = []
    for row in record["rows"]:
        new, old = (row.get(tree) for tree in ("new", "old"))
        beside = (f"{1e3 * old:.1f}", f"{new / old:.2f}") if old else ("", "")
        rows.append((row["format"], row["action"], f"{1e3 * new:.1f}", *beside))
    return markdown(head, rows)


def first_mask(record: Record, _chart: Path) -> list[str]:
    """Time to the first mask, next to an older revision and to an empty program; no chart."""
    head = (
        f"| | s | s, revision {record['old']} | ratio | processor s "
        f"| processor s, revision {record['old']} | ratio | processor, x `python -c pass` |"
    )
    base = record["rows"][0]["new"]["cpu"]
    rows = []
    for row in record["rows"]:
        new, old = row["new"], row["old"]
        cells = [f"{new['seconds']:.2f}", f"{old['seconds']:.2f}"]
        cells.append(f"{new['seconds'] / old['seconds']:.2f}")
        if "cpu" in new:
            cells += [f"{new['cpu']:.2f}", f"{old['cpu']:.2f}", f"{new['cpu'] / old['cpu']:.2f}"]
            cells.append(f"{new['cpu'] / base:.0f}")
        else:
            cells += [""] * 4
        rows.append((f"{row['what']}", *cells))
    return markdown(head, rows)


def markdown(head: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    line = "|" + "---|" * (head.count("|") - 1)
    return [head, line, *(f"| {' | '.join(row)} |" for row in rows)]


def image(chart: Path, text: str) -> str:
    """The chart as a Markdown image, relative to the page."""
    return f"![{text}]({chart.parent.name}/{chart.name})"


MAKERS: dict[str, Maker] = {
    "peers-3d": contenders_3d,
    "peers-2d": contenders_2d,
    "classes": outputs,
    "large": sizes,
    "precisions": precisions,
    "dilated": dilated,
    "meshnet": meshnet,
    "windows": windows,
    "jobs": jobs,
    "first-mask": first_mask,
    "formats": formats,
}

if __name__ == "__main__":
    main()
