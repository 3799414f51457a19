"""Files with the results of a benchmark: figures, date, machine and versions of packages."""

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
    """Writes the results; `facts` with the name of a standard field replace it."""
    own = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "versions": versions(),
    }
    fields = [f' "{name}": {json.dumps(value)},' for name, value in {**own, **facts}.items()]
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    path.write_text("\n".join(["{", *fields, ' "rows": [', lines, " ]", "}"]) + "\n", "utf-8")


def load(path: Path) -> dict[str, Any]:
    """Reads the results that `save` wrote."""
    return dict(json.loads(path.read_text("utf-8")))


def versions() -> dict[str, str]:
    """Versions of the packages that affect the figures, as far as they are installed."""
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed


def machine() -> dict[str, Any]:
    """Processor and number of cores, without the name of the host."""
    facts = {}
    if (table := Path("/proc/cpuinfo")).exists():
        pairs = (line.partition(":") for line in table.read_text().splitlines())
        facts = {key.strip(): value.strip() for key, _, value in pairs}
    flags = facts.get("flags", "").split()
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "features": [name for flag, name in FEATURES.items() if flag in flags],
        "cores": len(usable(0)),
    }
