"""Every command of the tutorial and of the how-to guides does what it says.

A page's blocks run in one shell, one after another, in a folder of their own. Before a block,
`<!-- not run: why -->` leaves it out, and `<!-- background -->` starts it as a service and waits
until that is ready. A page that starts none but uses one has a gateway and a worker in its folder.
A block with a title is a file of that name.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import Image

from models.card import ModelCard
from tests.support.bioimage_packages import package, step
from tests.support.convolutions import network
from tests.support.dicom.files import classic, write
from tests.support.gateway import start
from tests.support.meshnets import meshnet, write_tfjs
from tests.support.monai_bundles import (
    configuration,
    save_weights,
    small_network,
    write_bundle,
)
from tests.support.nnunet_reference import reference_mask
from tests.support.nnunet_results import Training, random_network, write_results
from tests.support.ports import free_port
from tests.support.processes import ROOT, start_worker, stop
from tests.support.programs import run
from tests.support.slides import aperio
from tests.support.torch_programs import Network, torchscript

DOCS = ROOT / "docs"
PAGES = [DOCS / "tutorial" / "index.md", *sorted((DOCS / "how-to").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^ *<!-- (?P<mark>background|not run: [^>]+) -->\n)?"
    r'^(?P<indent> *)```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<code>.*?)^ *```$',
    re.MULTILINE | re.DOTALL,
)
MOST_NOT_RUN = 25
"""Blocks that are left out, in all pages together. Raise it only with a reason: the last was a page
whose commands need masks that readers have judged, and a training of minutes."""
CARD = "card.json"
ADDRESS = "127.0.0.1:8000"
READY = """
for _ in $(seq 1200); do
  curl -fsS http://127.0.0.1:8000/readyz >/dev/null 2>&1 && break
  kill -0 $service || { cat service.log; exit 1; }
  sleep 0.1
done
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code in a page."""

    language: str
    code: str
    title: str
    mark: str
    """`background`, `not run: why`, or nothing."""

    @property
    def is_run(self) -> bool:
        runs = self.language in ("bash", "python") and not self.title
        return runs and not self.mark.startswith("not run")


def blocks(page: Path) -> list[Block]:
    return [
        Block(
            match["language"],
            re.sub(rf"^{match['indent']}", "", match["code"], flags=re.MULTILINE),
            match["title"] or "",
            match["mark"] or "",
        )
        for match in BLOCK.finditer(page.read_text())
    ]


def script(page: Path, port: int) -> str:
    """The page as one shell script, its service on `port`."""
    parts = ["set -eu"]
    for block in blocks(page):
        if block.title == CARD:  # here the reader fills in the card
            parts.append(f"cp filled-{CARD} my-network/{CARD}")
        if not block.is_run:
            continue
        if block.mark == "background":
            parts.append(started(block.code))
        elif block.language == "python":
            parts.append(f"python - <<'END_OF_PYTHON'\n{block.code}END_OF_PYTHON")
        else:
            parts.append(block.code)
    return "\n".join(parts).replace(ADDRESS, f"127.0.0.1:{port}").replace("11112", str(free_port()))


def expects_a_service(page: Path) -> bool:
    """Whether the page uses a service that its reader has started before."""
    commands = [block for block in blocks(page) if block.is_run]
    if any(block.mark == "background" for block in commands):
        return False
    return any(name in block.code for block in commands for name in (ADDRESS, "tessera-data"))


@contextmanager
def service(folder: Path) -> Iterator[int]:
    """The parts of a `tessera up` in this folder; the port."""
    gateway = start(folder / "tessera-data")
    try:
        worker = start_worker(gateway.data, folder / "worker.log")
        try:
            yield gateway.port
        finally:
            stop(worker)
    finally:
        gateway.stop()


def started(command: str) -> str:
    return (
        f"({command.strip()}) > service.log 2>&1 & service=$!\n"
        "trap 'pkill -TERM -P $service; kill $service || true; wait' EXIT\n" + READY
    )


def crop(path: Path) -> None:
    """The scan of the tutorial, made by the tutorial's own program."""
    (program,) = [b.code for b in blocks(PAGES[0]) if b.title == "make_scan.py"]
    run([sys.executable, "-P", "-c", program], cwd=path.parent)
    (path.parent / "hippocampus.nii.gz").replace(path)


def api(folder: Path) -> None:
    crop(folder / "t1.nii.gz")
    image = nibabel.Nifti1Image.from_filename(folder / "t1.nii.gz")
    labels = (np.asarray(image.dataobj) > np.median(image.dataobj)).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), folder / "labels.nii.gz")


def batch(folder: Path) -> None:
    for name in ("p1", "p2"):
        (folder / "scans" / name).mkdir(parents=True)
        crop(folder / "scans" / name / "t1.nii.gz")


def dicom(folder: Path) -> None:
    crop(folder / "t1.nii.gz")
    image = nibabel.Nifti1Image.from_filename(folder / "t1.nii.gz")
    voxels = np.asarray(image.dataobj).astype(np.int16)
    write(classic(voxels, np.asarray(image.affine)), folder / "study" / "series3")
    shutil.make_archive(str(folder / "study"), "zip", folder / "study")


def pacs(folder: Path) -> None:
    dicom(folder)
    (folder / "study.zip").rename(folder / "exported-study.zip")


def bids(folder: Path) -> None:
    crop(folder / "sub-01_T1w.nii.gz")
    subject = folder / "study" / "sub-01" / "anat"
    subject.mkdir(parents=True)
    shutil.copy(folder / "sub-01_T1w.nii.gz", subject)
    description = '{"Name": "Study", "BIDSVersion": "1.10.0"}'
    (folder / "study" / "dataset_description.json").write_text(description)


def large_scans(folder: Path) -> None:
    tissue = skimage.data.immunohistochemistry()
    tifffile.imwrite(folder / "slide.ome.tiff", tissue, tile=(128, 128), photometric="rgb")
    aperio(folder).rename(folder / "slide.svs")


def import_model(folder: Path) -> None:
    write_tfjs(meshnet((1, 2, 1)), folder / "model18cls")
    torchscript(Network(2), folder).rename(folder / "lesions.pt")
    bundle = write_bundle(folder / "spleen_ct_segmentation", configuration())
    save_weights(small_network(), bundle)
    package(folder / "package", before=[step("ensure_dtype", dtype="float32")]).rename(
        folder / "nuclei-package.zip"
    )
    nnunet(folder)


def combine_models(folder: Path) -> None:
    models = {"organs": ("liver", "spleen"), "vessels": ("aorta", "portal vein")}
    for width, (name, labels) in enumerate(models.items(), 4):
        place = folder / "tessera-data" / "models" / name
        card = network(place, name, width)
        changed = {"channels": [{"name": "ct"}], "labels": [
            label.model_dump() | {"name": own}
            for label, own in zip(card.labels, labels, strict=True)
        ]}  # fmt: skip
        ModelCard.model_validate(card.model_dump() | changed).save(place / CARD)
    crop(folder / "ct.nii.gz")


def nnunet(folder: Path) -> None:
    training = Training()
    network = random_network(training)
    write_results(training, folder / "nnUNet_results", [network])
    voxels = np.random.default_rng(0).normal(100, 20, (24, 20, 22)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), folder / "scan.nii.gz")
    mask = reference_mask(training, [network], [voxels.T], (1.0, 1.0, 1.0)).T.astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), folder / "scan_by_nnunet.nii.gz")


def own_model(folder: Path) -> None:
    network(folder / "my-network", "my-lesions", 4)
    (folder / "my-network" / CARD).rename(folder / f"filled-{CARD}")


def train(folder: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("images", "labels"):
        (folder / "data" / name).mkdir(parents=True)
    for case in range(4):
        cells = np.zeros((64, 64), np.uint8)
        row, column = random.integers(10, 40, 2)
        cells[row : row + 14, column : column + 14] = 1
        noisy = cells * 120 + random.integers(0, 60, cells.shape)
        Image.fromarray(noisy.astype(np.uint8)).save(folder / "data" / "images" / f"{case}.png")
        Image.fromarray(cells).save(folder / "data" / "labels" / f"{case}.png")


def evaluate(folder: Path) -> None:
    for name in ("images", "labels"):
        (folder / name).mkdir()
    tissue = skimage.data.immunohistochemistry()
    for case in range(2):
        part = tissue[:128, 128 * case : 128 * (case + 1)]
        Image.fromarray(part).save(folder / "images" / f"{case}.png")
        objects = np.zeros((128, 128), np.uint8)
        objects[20:40, 20:40], objects[70:95, 60:90] = 1, 2
        Image.fromarray(objects).save(folder / "labels" / f"{case}.png")


def encryption(folder: Path) -> None:
    (folder / "tessera-data").mkdir()


PREPARE: Mapping[str, Callable[[Path], None]] = {
    "api": api,
    "batch": batch,
    "bids": bids,
    "combine-models": combine_models,
    "dicom": dicom,
    "encryption": encryption,
    "evaluate": evaluate,
    "import-model": import_model,
    "large-scans": large_scans,
    "nnunet": nnunet,
    "own-model": own_model,
    "pacs": pacs,
    "python-client": api,
    "train": train,
}
"""What a page's commands find in their folder."""


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_commands(page: Path, tmp_path: Path) -> None:
    if not any(block.is_run for block in blocks(page)):
        return
    if page.stem == "viewers" and sys.version_info >= (3, 13):
        pytest.skip("the client imports cgi, which Python 3.13 lacks")
    if page.stem in PREPARE:
        PREPARE[page.stem](tmp_path)
    for block in blocks(page):
        if block.title and block.title != CARD:
            (tmp_path / block.title).write_text(block.code)
    with service(tmp_path) if expects_a_service(page) else nullcontext(free_port()) as port:
        done = commands_of(page, port, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"type":"urn:tessera:' not in done.stdout


def commands_of(page: Path, port: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the page's commands in this folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TESSERA_")}
    settings = {"TESSERA_PORT": str(port), "TESSERA_CACHE": os.environ["TESSERA_CACHE"]}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return run(
        ["bash", "-c", script(page, port)],
        cwd=folder,
        env=kept | settings | {"PATH": programs, "PYTHONSAFEPATH": "1"},
        timeout=300,
        check=False,
    )


def test_few_blocks_are_left_out_and_each_has_a_reason() -> None:
    left_out = [block for page in PAGES for block in blocks(page) if block.mark[:7] == "not run"]
    assert len(left_out) <= MOST_NOT_RUN
    ran = [block for page in PAGES for block in blocks(page) if block.is_run]
    assert len(ran) > 25


def test_every_block_of_commands_is_found() -> None:
    """No page hides commands in another kind of block."""
    for page in PAGES:
        text = page.read_text()
        assert not re.search(r"^ *```(?:sh|console|shell)\b", text, re.MULTILINE), page
        assert text.count("```bash") == sum(b.language == "bash" for b in blocks(page)), page
