"""A folder of temporary files that outlives its process only until another one starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from jobs.own_folder import OwnFolder

HOLDING = """
import sys
from pathlib import Path
from jobs.own_folder import OwnFolder
own = OwnFolder(Path(sys.argv[1]), "worker-")
(own.path / "half").write_bytes(b"x")
print(own.path, flush=True)
sys.stdin.read()
"""


@pytest.mark.process
def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """But not while it runs, whatever its process id."""
    command = [sys.executable, "-P", "-c", HOLDING, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().decode().strip())
        OwnFolder(tmp_path, "worker-").close()
        assert (path / "half").exists()
        process.kill()
        process.wait()
    another = OwnFolder(tmp_path, "other-")
    assert path.exists(), "of another kind"
    OwnFolder(tmp_path, "worker-").close()
    assert not path.exists()
    assert another.path.exists()
    another.close()
    assert not list(tmp_path.glob("[!.]*"))
