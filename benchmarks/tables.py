"""The tables of docs/benchmarks.md that have no chart, made from the results of the benchmarks."""

from collections.abc import Callable
from statistics import median
from typing import Any

import page_tables
import security_tables
from markdown_table import markdown

Record = dict[str, Any]
Table = Callable[[Record], list[str]]
"""Returns the lines of a Markdown table."""
SETUPS = {"servers": "PostgreSQL and Redis", "up": "`tessera up`"}


def jobs(record: Record) -> list[str]:
    """Latency from POST to mask."""
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


def queue_depth(record: Record) -> list[str]:
    """Requests while jobs wait, before places came from counts and since then."""
    head = "| database | jobs that wait | submit, ms | status, ms | list, ms | batch of 10,000, s |"
    earlier = {(row["database"], row["depth"]): row for row in record["before"]}

    def both(row: dict[str, Any], figure: str) -> str:
        figures = [earlier.get((row["database"], row["depth"]), {}).get(figure), row.get(figure)]
        return " -> ".join(f"{value:.1f}" for value in figures if value is not None)

    names = ("submit_ms", "status_ms", "list_ms", "batch_s")
    rows = [
        (row["database"], f"{row['depth']:,}", *(both(row, name) for name in names))
        for row in record["rows"]
    ]
    return [*markdown(head, rows), *_many_clients(record)]


def _many_clients(record: Record) -> list[str]:
    """The same gateways with pollers and followers, where they were measured."""
    head = (
        "| database | jobs that wait | polls per second | status, median and 99 %, ms "
        "| health, median and greatest, ms | processor of the gateway, cores |"
    )
    rows = [
        (
            row["database"],
            f"{row['depth']:,}",
            f"{row['polls_per_s']:.0f}",
            f"{row['status_p50_ms']:.0f}, {row['status_p99_ms']:.0f}",
            f"{row['health_p50_ms']:.0f}, {row['health_max_ms']:.0f}",
            f"{row['gateway_cores']:.2f}",
        )
        for row in record["rows"]
        if "polls_per_s" in row
    ]
    return ["", *markdown(head, rows)] if rows else []


def batch(record: Record) -> list[str]:
    """`tessera batch` beside a plain loop over the engine."""
    head = "| | s | processor s | scans per second |"
    rows = [
        (
            row["contender"],
            f"{row['seconds']:.1f}",
            f"{row['processor_s']:.1f}",
            f"{row['per_s']:.1f}",
        )
        for row in record["rows"]
    ]
    text = (
        f"{record['scans']:,} scans. `tessera batch` takes {record['ratio']:.2f} times as long as "
        "the loop."
    )
    return [*markdown(head, rows), "", text]


def chaos(record: Record) -> list[str]:
    """Runs under random faults, and the time until work went on after each kind of fault."""
    runs = [
        (
            str(run["seed"]),
            f"{run['jobs']:,}",
            f"{run['faults']}",
            f"{run['seconds']:,}",
            "; ".join(run["problems"]) or "none",
        )
        for run in record["chaos"]
    ]
    seconds: dict[tuple[str, str], list[float]] = {}
    for row in record["rows"]:
        seconds.setdefault((row["part"], row["fault"]), []).extend(row["seconds"])
    kinds = {"full": "disk full", "kill": "killed", "frozen": "frozen"}
    recovered = [
        (part, kinds[fault], str(len(found)), f"{median(found):.1f}", f"{max(found):.1f}")
        for (part, fault), found in sorted(seconds.items())
    ]
    head = "| part | fault | times | median, s | longest, s |"
    return [
        *markdown("| seed | jobs | faults | s | problems |", runs),
        "",
        *markdown(head, recovered),
    ]


def throughput(record: Record) -> list[str]:
    """The service beside the engine alone, on the same files and cores."""
    head = (
        "| set-up | workers | scans | service, per s | engine, per s | service / engine "
        "| processor of the worker, ms per job | of the gateway | of the engine |"
    )
    rows = [
        (
            SETUPS[row["setup"]],
            str(row["workers"]),
            row["scans"],
            f"{row['service']:.2f}",
            f"{row['engine']:.2f}",
            f"{row['ratio']:.2f}",
            *(f"{row.get(f'{part}_cpu_ms', 0):.0f}" for part in ("worker", "gateway", "engine")),
        )
        for row in record["rows"]
    ]
    return markdown(head, rows)


def endurance(record: Record) -> list[str]:
    """What a day's work leaves behind: values of the second half, and growth per day's work."""
    head = "| set-up | | at half the time | at the end | growth per day's work | tolerated | |"
    shown = [row for row in record["rows"] if row["growth"] >= 1 or "memory" in row["what"]]
    rows = [
        (
            SETUPS[row["setup"]],
            row["what"],
            f"{row['half']:,g}",
            f"{row['end']:,g}",
            f"{row['growth']:+,.1f}",
            f"{row['tolerance']:,g}",
            row["verdict"],
        )
        for row in shown
    ]
    others = {row["what"].partition(":")[0] for row in record["rows"] if row not in shown}
    wrong = [text for texts in record["problems"].values() for text in texts]
    text = "Nothing went wrong, and nothing was left at the end." if not wrong else "; ".join(wrong)
    flat = f"The other values ({', '.join(sorted(others))}) do not grow."
    return [*markdown(head, rows), "", f"{flat} {text}"]


def precisions(record: Record) -> list[str]:
    """Each network of the zoo in fp32 and in the precision that it runs in."""
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


def dilated(record: Record) -> list[str]:
    """A MeshNet on torch and on OpenVINO, with and without phases."""
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


def meshnet(record: Record) -> list[str]:
    """Trained MeshNets on torch and in Tessera."""
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


def windows(record: Record) -> list[str]:
    """MONAI's inferer and Tessera in the same windows."""
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


def formats(record: Record) -> list[str]:
    """Reading and writing each format, next to an older revision."""
    head = f"| format | | ms | ms, revision {record['old']} | ratio |"
    rows = []
    for row in record["rows"]:
        new, old = (row.get(tree) for tree in ("new", "old"))
        beside = (f"{1e3 * old:.1f}", f"{new / old:.2f}") if old else ("", "")
        rows.append((row["format"], row["action"], f"{1e3 * new:.1f}", *beside))
    return markdown(head, rows)


def first_mask(record: Record) -> list[str]:
    """Time to the first mask, next to an older revision and to an empty program."""
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


def nnunet_parity(record: Record) -> list[str]:
    """Masks of networks that nnU-Net trained, beside its own, in both precisions."""
    head = (
        "| network | fp32: voxels that differ, of all | lowest Dice of a label "
        "| bf16: voxels that differ | lowest Dice of a label | nnU-Net in bf16: lowest Dice |"
    )
    rows: dict[str, list[str]] = {}
    for row in record["rows"]:
        cells = rows.setdefault(row["network"], [f"`{row['network']}`"])
        differ = f"{sum(row['differ']):,}"
        cells.append(differ if len(cells) > 1 else f"{differ} of {row['voxels']:,}")
        cells.append(f"{row['lowest_dice']:.5f}")
        if row["precision"] == "bf16":
            home = row.get("home_dice")
            cells.append("" if home is None else f"{home:.5f}")
    return markdown(head, list(rows.values()))


def nnunet_speed(record: Record) -> list[str]:
    """Time and memory from file to file, beside nnU-Net's own command."""
    head = (
        "| | s | processor s | times as fast as nnU-Net | peak memory, GB "
        "| voxels with nnU-Net's label |"
    )
    home = record["rows"][0]["seconds"]
    rows = [
        (
            row["name"],
            f"{row['seconds']:.1f}",
            f"{row['cpu_seconds']:.1f}",
            f"{home / row['seconds']:.1f}",
            f"{row['peak_mb'] / 1e3:.2f}",
            f"{100 * row['equal']:.3f} %" if "equal" in row else "",
        )
        for row in record["rows"]
    ]
    return markdown(head, rows)


def assistant(record: Record) -> list[str]:
    """Dice after strokes: of each method, then of each structure, then the time of a stroke."""
    strokes = [f"after_{n}" for n in (0, 1, 3, 5)]
    methods, structures, times = [], [], []
    for row in record["rows"]:
        scores = [f"{row[name]:.3f}" for name in strokes if name in row]
        if "seconds" in row:
            seconds = (row[name] for name in ("seconds", "processor_s", "first_processor_s"))
            times.append((row["method"], *(f"{one:.2f}" for one in seconds)))
        elif "cases" in row:
            worst = (f"{row['worst_after_1']:.3f}", str(row["worse_after_1"]))
            methods.append((row["group"], row["error"], row["method"], *scores, *worst))
        elif row["method"] == "random-walk":
            structures.append((row["group"], row["error"], *scores))
    return [
        *markdown(
            "| cases | error | method | before | 1 stroke | 3 | 5 | worst after 1 "
            "| masks worse after 1 |",
            methods,
        ),
        "",
        *markdown("| `random-walk` on | error | before | 1 stroke | 3 | 5 |", structures),
        "",
        *markdown("| 128^3 voxels | s | processor s | processor s of the first stroke |", times),
    ]


def fine_tuning(record: Record) -> list[str]:
    """Dice before and after a fine-tuning."""
    head = "| | Dice before | Dice after | lowest before | lowest after | better cases |"
    rows = [
        (
            "all as one" if row["what"] == "all" else row["what"],
            f"{row['before']:.3f}",
            f"{row['after']:.3f}",
            f"{row['lowest_before']:.3f}",
            f"{row['lowest_after']:.3f}",
            f"{row['better']} of {row['cases']}",
        )
        for row in record["rows"]
    ]
    parent, dice = record["parent"], record["figures"]["dice"]
    text = (
        f"The card states {dice:.3f} instead of {parent['figures']['dice']:.3f} on the "
        f"{parent['held_out_cases']} corrected cases that the data set held out; the network was "
        f"trained on the other {parent['training_cases']}."
    )
    return [*markdown(head, rows), "", text]


TABLES: dict[str, Table] = {
    "precisions": precisions,
    "dilated": dilated,
    "meshnet": meshnet,
    "windows": windows,
    "jobs": jobs,
    "queue-depth": queue_depth,
    "batch": batch,
    "throughput": throughput,
    "endurance": endurance,
    "chaos": chaos,
    "first-mask": first_mask,
    "formats": formats,
    "nnunet-parity": nnunet_parity,
    "nnunet-speed": nnunet_speed,
    "at-rest": security_tables.at_rest,
    "audit": security_tables.audit,
    "isolation": security_tables.isolation,
    "assistant": assistant,
    "fine-tuning": fine_tuning,
    "worklist": page_tables.worklist,
    "viewer": page_tables.viewer,
    "painting": page_tables.painting,
    "draft-kills": page_tables.draft_kills,
}
