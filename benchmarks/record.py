"""What a benchmark found, in a file: figures, and on what machine, when and with what."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("openvino", "onnxruntime", "onnxruntime-gpu", "torch", "monai", "nnunetv2")
FEATURES = {"avx512_bf16": "AVX512-BF16", "amx_bf16": "AMX-BF16"}


def save(path: Path, rows: Sequence[dict[str, Any]], **facts: Any) -> None:
    """`facts` that are named like one of the record's own take its place."""
    own = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "versions": versions(),
    }
    told = [f' "{name}": {json.dumps(value)},' for name, value in {**own, **facts}.items()]
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    path.write_text("\n".join(["{", *told, ' "rows": [', lines, " ]", "}"]) + "\n", "utf-8")


def load(path: Path) -> dict[str, Any]:
    """As it was saved."""
    return dict(json.loads(path.read_text("utf-8")))


def versions() -> dict[str, str]:
    """Of the packages that figures depend on, as far as they are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Processor and cores; never a name of the host."""
    told = {}
    if (table := Path("/proc/cpuinfo")).exists():
        pairs = (line.partition(":") for line in table.read_text().splitlines())
        told = {key.strip(): value.strip() for key, _, value in pairs}
    flags = told.get("flags", "").split()
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return {
        "processor": told.get("model name") or platform.processor() or platform.machine(),
        "features": [name for flag, name in FEATURES.items() if flag in flags],
        "cores": len(usable(0)),
    }
