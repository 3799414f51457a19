"""Prints how much of each package the tests ran, from the data of `scripts/test --coverage`.

    python scripts/coverage_table.py [--files]

A package's coverage is that of its lines and branches together. `--files` adds every file below
90 %. The HTML report is written by `coverage html`.
"""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENOUGH = 90
"""Percent. What is below has its reason in docs/contributing/testing.md."""


@dataclass(slots=True)
class Tally:
    """Covered and existing lines and branches."""

    lines: int = 0
    covered_lines: int = 0
    branches: int = 0
    covered_branches: int = 0

    def add(self, summary: dict[str, Any]) -> None:
        """Adds the summary of one file, as `coverage json` writes it."""
        self.lines += summary["num_statements"]
        self.covered_lines += summary["covered_lines"]
        self.branches += summary["num_branches"]
        self.covered_branches += summary["covered_branches"]

    def percent(self) -> float:
        """Lines and branches together; 100 for a file without any."""
        whole = self.lines + self.branches
        return 100 * (self.covered_lines + self.covered_branches) / whole if whole else 100.0

    def row(self, name: str) -> str:
        """A line of the table."""
        lines = f"{self.covered_lines}/{self.lines}"
        branches = f"{self.covered_branches}/{self.branches}"
        return f"{name:44} {lines:>13} {branches:>13} {self.percent():6.1f} %"


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(report)]
        subprocess.run(command, check=True)
        files = json.loads(report.read_text())["files"]
    packages: dict[str, Tally] = defaultdict(Tally)
    total = Tally()
    low = []
    for name, file in sorted(files.items()):
        own = Tally()
        for tally in (own, packages[name.partition("/")[0]], total):
            tally.add(file["summary"])
        if own.percent() < ENOUGH:
            low.append(own.row(name))
    print(f"{'package':44} {'lines':>13} {'branches':>13}  covered")
    for name, tally in packages.items():
        print(tally.row(name))
    print(total.row("all"))
    if low and "--files" in sys.argv:
        print(f"\nFiles below {ENOUGH} %:", *low, sep="\n")


if __name__ == "__main__":
    main()
