"""Tiles of large images over HTTP."""

import io
import threading
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from imaging.errors import Conflict, NotFound, StorageFull
from service.resources.tile_files import TileFiles
from tests.support.answers import check_problem
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes
from tests.support.waiting import until

SIZE = (700, 1301)


@pytest.fixture(scope="module")
def picture() -> bytes:
    rows, columns = np.indices(SIZE)
    pixels = np.stack([rows % 256, columns % 256, (rows + columns) % 256], -1).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def ready(gateway: Gateway, path: str) -> dict[str, object]:
    """The description, once the tiles can be read."""
    until(lambda: gateway.client.get(path).raise_for_status().json()["ready"])
    return dict(gateway.client.get(path).json())


def opened(gateway: Gateway, path: str) -> np.ndarray:
    answer = gateway.client.get(path).raise_for_status()
    known = {"If-None-Match": answer.headers["etag"]}
    assert gateway.client.get(path, headers=known).status_code == 304
    with Image.open(io.BytesIO(answer.content)) as tile:
        return np.asarray(tile.convert("RGB"))


def test_image_and_mask_have_the_same_tiles(gateway: Gateway, picture: bytes) -> None:
    scan = gateway.scan(picture, "cells.png")
    path = f"/v1/scans/{scan}/tiles"
    check_problem(gateway.client.get(f"{path}/11/0/0"), 409)
    told = ready(gateway, path)
    size = {"width": 1301, "height": 700, "tile_size": 512, "min_level": 9, "max_level": 11}
    assert told == size | {"ready": True, "fraction": 1.0}
    assert opened(gateway, f"{path}/11/1/2").shape == (188, 277, 3)
    assert opened(gateway, f"{path}/9/0/0").shape == (175, 326, 3)
    for outside in ("11/2/0", "12/0/0", "8/0/0"):
        check_problem(gateway.client.get(f"{path}/{outside}"), 404)
    check_problem(gateway.client.get(f"{path}/x/0/0"), 422)

    job = gateway.job(scan=scan, model="nuclei-2d")["id"]
    check_problem(gateway.client.get(f"/v1/jobs/{job}/mask/tiles"), 409)
    mask = np.zeros(SIZE, np.uint32)
    mask[600:, 1200:] = 70_000
    run_job(gateway, job, mask)
    path = f"/v1/jobs/{job}/mask/tiles"
    assert ready(gateway, path)["max_level"] == 11
    tile = opened(gateway, f"{path}/11/1/2").astype(int)
    numbers = tile @ [1, 256, 65_536]
    np.testing.assert_array_equal(numbers, mask[512:, 1024:])

    gateway.client.delete(f"/v1/scans/{scan}").raise_for_status()
    check_problem(gateway.client.get(f"/v1/scans/{scan}/tiles/11/0/0"), 404)


def test_a_volume_has_no_tiles(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes((4, 4, 4)), "v.nii")
    check_problem(gateway.client.get(f"/v1/scans/{scan}/tiles"), 422)


def zipped(size: int) -> Callable[[Path, Callable[[float], None]], None]:
    def make(path: Path, progress: Callable[[float], None]) -> None:
        with ZipFile(path, "w") as file:
            file.writestr("0/0_0", bytes(size))
        progress(1.0)

    return make


@pytest.fixture
def files(tmp_path: Path) -> TileFiles:
    return TileFiles(tmp_path, most_bytes=250)


def made(files: TileFiles, key: str, size: int = 100) -> None:
    until(lambda: files.ask(key, zipped(size)) == 1.0)


def test_the_pictures_that_were_used_last_are_kept(files: TileFiles, tmp_path: Path) -> None:
    for key in ("a-image", "b-image"):
        made(files, key)
    files.tile("a-image", "0/0_0")
    made(files, "c-image")
    until(lambda: len(files.tile("a-image", "0/0_0")) == 100)
    assert len(files.tile("c-image", "0/0_0")) == 100
    with pytest.raises(Conflict):
        files.tile("b-image", "0/0_0")
    with pytest.raises(NotFound):
        files.tile("a-image", "1/0_0")
    assert list(tmp_path.iterdir()) == [], "an open file without a name leaves nothing behind"


def test_one_that_is_larger_than_all_may_be_is_still_shown(files: TileFiles) -> None:
    made(files, "a-image", 1000)
    assert len(files.tile("a-image", "0/0_0")) == 1000


def test_a_fault_is_reported_once_and_tried_again(files: TileFiles) -> None:
    attempts = 0

    def full(path: Path, progress: Callable[[float], None]) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise StorageFull("The disk is full.")
        zipped(10)(path, progress)

    def asked() -> bool:
        try:
            return files.ask("a-image", full) == 1.0
        except StorageFull:
            seen.append("full")
            return False

    seen: list[str] = []
    until(asked)
    assert (seen, attempts) == (["full"], 2)


def test_one_is_cut_at_a_time_and_says_how_far_it_is(files: TileFiles) -> None:
    gate, begun = threading.Event(), []

    def slow(path: Path, progress: Callable[[float], None]) -> None:
        begun.append(path)
        progress(0.25)
        assert gate.wait(60)
        zipped(10)(path, progress)

    files.ask("a-image", slow)
    files.ask("b-image", slow)
    until(lambda: files.ask("a-image", slow) == 0.25)
    assert files.ask("b-image", slow) == 0.0
    assert len(begun) == 1
    files.forget_contents(["b"])
    gate.set()
    until(lambda: files.ask("a-image", slow) == 1.0)


@pytest.mark.parametrize("end", ["stopped", "deleted"])
def test_one_that_nobody_needs_is_given_up(files: TileFiles, tmp_path: Path, end: str) -> None:
    gate, ended = threading.Event(), threading.Event()

    def slow(path: Path, progress: Callable[[float], None]) -> None:
        path.write_bytes(b"part")
        try:
            assert gate.wait(60)
            progress(0.5)
        finally:
            ended.set()

    files.ask("a-image", slow)
    if end == "stopped":
        files.stop()
    else:
        files.forget_contents(["a"])
    gate.set()
    assert ended.wait(60)
    until(lambda: list(tmp_path.iterdir()) == [])


def test_nobody_looks_at_it_any_more(tmp_path: Path) -> None:
    files = TileFiles(tmp_path, most_bytes=250, keep_s=0.0)
    made(files, "a-image")
    files._expire()
    with pytest.raises(Conflict):
        files.tile("a-image", "0/0_0")
