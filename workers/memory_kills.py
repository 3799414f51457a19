"""How often the system's memory killer ended a process: the kernel counts this for each cgroup."""

import re
from pathlib import Path


def memory_kills(root: Path = Path("/")) -> int:
    """Number of processes of this one's cgroup that were killed for memory, so far.

    Read from cgroup v2 (memory.events), else v1 (memory.oom_control), else for the whole machine
    (/proc/vmstat); 0 where the system has none of them. `root`: for tests.
    """
    for path in _counters(root):
        try:
            count = re.search(r"^oom_kill (\d+)$", path.read_text(), re.MULTILINE)
        except OSError:
            continue
        if count:
            return int(count[1])
    return 0


def _counters(root: Path) -> list[Path]:
    """Where the count may be, the most exact place first.

    Inside a container the folder of the own cgroup is the root of what is mounted.
    """
    mounted = root / "sys/fs/cgroup"
    own = _own_cgroups(root)
    v2 = [mounted / own.get("", "."), mounted]
    v1 = [mounted / "memory" / own.get("memory", "."), mounted / "memory"]
    return [
        *(folder / "memory.events" for folder in v2),
        *(folder / "memory.oom_control" for folder in v1),
        root / "proc/vmstat",
    ]


def _own_cgroups(root: Path) -> dict[str, str]:
    """Controller -> relative path of this process's cgroup; the controller of v2 is ""."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return {}
    fields = [line.split(":", 2) for line in lines]  # cgroups(7): number:controllers:path
    return {
        controller: path.lstrip("/") or "."
        for _, controllers, path in fields
        for controller in controllers.split(",")
    }
