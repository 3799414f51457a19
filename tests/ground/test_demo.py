"""`scripts/demo`, but for the making of its environment: this one has all that it needs."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.support.waiting import PATIENCE_S, until

pytestmark = pytest.mark.process

DEMO = Path(__file__).parents[2] / "scripts" / "demo.py"


@pytest.mark.parametrize("once", [True, False], ids=["once", "terminated"])
def test_two_real_scans_are_segmented_and_all_ends(tmp_path: Path, once: bool) -> None:
    log, command = tmp_path / "demo.log", [sys.executable, "-P", str(DEMO)]
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, *(["--once"] if once else [])], cwd=tmp_path, stdout=output, stderr=output
        ) as demo,
    ):

        def has_said(words: str) -> bool:
            assert demo.poll() is None, log.read_text()
            return words in log.read_text()

        until(lambda: has_said("Tessera is ready"))
        family = psutil.Process(demo.pid).children(recursive=True)
        assert len(family) >= 3
        if not once:
            until(lambda: has_said("Press Ctrl-C to stop it."))
            demo.terminate()
        assert demo.wait(PATIENCE_S) == (0 if once else 128 + signal.SIGTERM)
    assert not psutil.wait_procs(family, 30)[1]
    assert log.read_text().count("Review: http://127.0.0.1:") == 2
    out = tmp_path / "demo-output"
    brain = nibabel.load(out / "mni152-left-hippocampus-mask.nii.gz")
    scan = nibabel.load(out / "mni152-left-hippocampus.nii.gz")
    np.testing.assert_array_equal(brain.affine, scan.affine)
    assert brain.shape == scan.shape
    # One side's hippocampus: 4.3 ml is what another network of its kind finds here.
    report = json.loads((out / "mni152-left-hippocampus-report.json").read_text())
    volumes = {row["name"]: row["volume_ml"] for row in report["measurements"]["labels"]}
    assert 3.5 < sum(volumes.values()) < 5.5, volumes
    assert abs(sum(volumes.values()) - np.count_nonzero(brain.dataobj) / 1000) < 1e-6
    nuclei = np.asarray(Image.open(out / "ihc-mask.png"))
    assert nuclei.shape == (512, 512)
    counted = json.loads((out / "ihc-report.json").read_text())["measurements"]["instances"]
    assert counted["count"] == nuclei.max() > 100
    for name in ("mni152-left-hippocampus-preview.png", "ihc-preview.png"):
        with Image.open(out / name) as picture:
            assert min(picture.size) > 30
            assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 100
