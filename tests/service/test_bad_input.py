"""Every bad upload gets a problem that tells what to do; the service goes on, nothing is kept."""

import gzip
import io
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.answers import check_problem
from tests.support.disk import mounted
from tests.support.gateway import UPLOAD_LIMIT, Gateway
from tests.support.images import nifti_bytes, png_bytes
from tests.support.waiting import until

SECRET = "Miller^Anna-1961.nii.gz"
MB = 1 << 20


def _header(shape: tuple[int, ...], datatype: int = 4, bits: int = 16) -> bytearray:
    """A NIfTI-1 header of these dimensions (nifti1.h: dim at 40, datatype at 70, bitpix at 72)."""
    head = bytearray(nifti_bytes()[:352])
    struct.pack_into("<8h", head, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<2h", head, 70, datatype, bits)
    return head


def _wide_header(shape: tuple[int, ...]) -> bytes:
    """A NIfTI-2 header, whose dimensions are 64 bits wide (nifti2.h: dim at 16)."""
    import nibabel

    head = bytearray(nibabel.Nifti2Image(np.zeros((2, 2, 2), np.int16), np.eye(4)).to_bytes()[:544])
    struct.pack_into("<8q", head, 16, len(shape), *shape, *[1] * (7 - len(shape)))
    return bytes(head)


def _bomb(inflated: int) -> bytes:
    """A gzip of a small volume's header and zeros far beyond what the header promises."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(bytes(_header((8, 8, 8))))]
    zeros = bytes(MB)
    parts += [packer.compress(zeros) for _ in range(inflated // MB)]
    return b"".join([*parts, packer.flush()])


def _late_voxels() -> bytes:
    """Few voxels, 400 MB of zeros behind the header (nifti1.h: vox_offset at 108)."""
    head = bytearray(nifti_bytes())
    struct.pack_into("<f", head, 108, 400 * MB)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(bytes(head)), *(packer.compress(bytes(MB)) for _ in range(401))]
    return b"".join([*parts, packer.flush()])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(rows: int, columns: int, data: bytes) -> bytes:
    """A grey 8-bit PNG (PNG specification, 11.2)."""
    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    chunks = _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _packed_rows(rows: int, columns: int) -> bytes:
    """All rows of a black picture, really there: 3.6 GB that pack into 3.5 MB.

    One block of rows is packed once and repeated (RFC 1951 lets blocks follow each other after a
    full flush); the Adler-32 of n zeros is n mod 65521 above, 1 below (RFC 1950, 8.2).
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(columns + 1) * 1000) + packer.flush(zlib.Z_FULL_FLUSH)
    check = (rows * (columns + 1) % 65521) << 16 | 1
    return b"\x78\x9c" + block * (rows // 1000) + b"\x03\x00" + struct.pack(">I", check)


def test_packed_rows_are_what_they_claim() -> None:
    assert zlib.decompress(_packed_rows(2000, 50)) == bytes(2000 * 51)


def _singular() -> bytes:
    affine = np.diag([1.0, 1.0, 0.0, 1.0])
    return bytes(_with_sform(nifti_bytes(), affine))


def _with_sform(volume: bytes, affine: np.ndarray) -> bytearray:
    """qform off, sform on with these rows (nifti1.h: codes at 252 and 254, srow at 280)."""
    head = bytearray(volume)
    struct.pack_into("<2h", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, *affine[:3].ravel())
    return head


def _four_dimensions() -> bytes:
    return bytes(_header((4, 4, 4, 3))) + bytes(2 * 4 * 4 * 4 * 3)


def _animated() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("L", (4, 4)).save(out, "gif")
    return out.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], int]] = {
    "empty": (lambda: b"", 422),
    "text named .nii.gz": (lambda: b"This is no scan.\n" * 40, 422),
    "gzip of text": (lambda: gzip.compress(b"This is no scan.\n" * 40), 422),
    "truncated gzip": (lambda: gzip.compress(nifti_bytes((20, 20, 20)))[:-4000], 422),
    "gzip without its checksum": (lambda: gzip.compress(nifti_bytes((20, 20, 20)))[:-8], 422),
    "gzip bomb": (lambda: _bomb(300 * MB), 422),
    "gzip bomb before its voxels": (_late_voxels, 422),
    "fewer voxels than promised": (lambda: nifti_bytes((20, 20, 20))[:-2], 422),
    "far more voxels than the file": (lambda: bytes(_header((1000, 1000, 1000))) + b"x" * 99, 422),
    "more voxels than memory": (lambda: bytes(_header((32767, 32767, 32767))) + b"x" * 99, 413),
    "more voxels than 64 bits": (lambda: _wide_header((2**40, 2**40, 2**40)) + b"x" * 99, 413),
    "gzip of a header that promises too much": (
        lambda: gzip.compress(bytes(_header((32767, 32767, 32767))) + bytes(9999)),
        413,
    ),
    "singular affine": (_singular, 415),
    "affine of NaN": (lambda: bytes(_with_sform(nifti_bytes(), np.full((4, 4), np.nan))), 415),
    "four dimensions": (_four_dimensions, 422),
    "complex voxels": (lambda: bytes(_header((2, 2, 2), 32, 64)) + bytes(64), 415),
    "60,000 x 60,000 by its header": (lambda: _png(60_000, 60_000, zlib.compress(b"\0" * 99)), 413),
    "60,000 x 60,000 that is really there": (
        lambda: _png(60_000, 60_000, _packed_rows(60_000, 60_000)),
        413,
    ),
    "truncated picture": (lambda: png_bytes((64, 64, 3))[:-2000], 422),
    "picture with a broken checksum": (lambda: png_bytes((64, 64, 3))[:-30] + b"x" * 30, 422),
    "zip archive": (lambda: b"PK\x03\x04" + bytes(400), 422),
    "GIF": (_animated, 415),
    "DICOM": (lambda: bytes(128) + b"DICM" + bytes(400), 422),
    "random bytes": (lambda: np.random.default_rng(1).bytes(5000), 422),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_upload(gateway: Gateway, name: str) -> None:
    """Given a bad file, when it is sent, then a problem tells why, and nothing of it is kept."""
    make, status = BAD[name]
    content = make()
    kept, log = gateway.kept(), gateway.log.read_bytes()
    gateway.forget_peak()
    before = gateway.peak_bytes()

    begun = time.monotonic()
    answer = gateway.upload(content, SECRET)

    check_problem(answer, status, SECRET, "Miller", str(gateway.data))
    assert gateway.peak_bytes() - before < 48 * MB, "memory must not grow with what it promises"
    assert time.monotonic() - begun < 40
    assert gateway.kept() == kept
    assert gateway.client.get("/readyz").status_code == 200
    told = gateway.log.read_bytes().removeprefix(log).decode()
    assert "Miller" not in told
    assert "Traceback" not in told
    assert "Error " not in told
    assert f"POST /v1/scans {status}" in told


def test_voxels_that_are_no_numbers_are_taken_in(gateway: Gateway) -> None:
    """NaN and infinite voxels are a matter for the engine, which replaces and reports them."""
    import nibabel

    voxels = np.ones((6, 6, 6), np.float32)
    voxels[1, 2, 3], voxels[3, 3, 3], voxels[4, 4, 4] = np.nan, np.inf, -np.inf
    answer = gateway.upload(nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes())
    assert answer.status_code == 201
    volume = gateway.client.get(f"/v1/scans/{answer.json()['id']}/volume")
    shown = nibabel.Nifti1Image.from_bytes(_plain(volume.content)).get_fdata()
    np.testing.assert_array_equal(shown, voxels)


def test_file_over_the_limit_with_its_length_told(gateway: Gateway) -> None:
    """Content-Length alone is enough: the body is refused before it comes."""
    kept = gateway.kept()
    check_problem(gateway.upload(bytes(UPLOAD_LIMIT + 100_000)), 413)
    assert gateway.kept() == kept


def test_file_just_over_the_limit(gateway: Gateway) -> None:
    """The limit is the file's, not the form's: one byte more is too much, exactly it is not."""
    kept = gateway.kept()
    check_problem(gateway.upload(bytes(UPLOAD_LIMIT + 1)), 413)
    problem = check_problem(gateway.upload(bytes(UPLOAD_LIMIT)), 422)
    assert "format is not supported" in str(problem["detail"])
    assert gateway.kept() == kept


def test_endless_chunked_body(gateway: Gateway) -> None:
    """Without a Content-Length the body is counted as it comes, and stopped at the limit."""
    kept, sent = gateway.kept(), 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        while True:
            sent += MB // 4
            yield bytes(MB // 4)

    head = {"Content-Type": "multipart/form-data; boundary=x"}
    check_problem(gateway.client.post("/v1/scans", content=body(), headers=head), 413)
    assert sent < 4 * UPLOAD_LIMIT + 64 * MB  # what the kernel's buffers and the linger may take
    assert gateway.kept() == kept


def test_large_json(gateway: Gateway) -> None:
    """No route but the upload's takes a large body."""
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        body = (b"[" * MB for _ in range(20)) if headers else b"[" * (20 * MB)
        answer = gateway.client.post("/v1/jobs", content=body, headers=headers)
        check_problem(answer, 413)


def _plain(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def test_room_runs_out(start_gateway: Callable[..., Gateway]) -> None:
    """A disk that takes no more: 507, nothing kept, and smaller scans still go in."""
    prelude = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({3 * MB}, {3 * MB}))\n"
    )
    gateway = start_gateway(prelude=prelude)
    kept = gateway.kept()
    answer = gateway.upload(nifti_bytes((120, 120, 120)), SECRET)
    check_problem(answer, 507, "Miller")
    assert gateway.kept() == kept
    assert gateway.upload(nifti_bytes()).status_code == 201


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB; skips where this process may mount none."""
    with mounted(tmp_path / "disk", 3) as folder:
        yield folder


def test_disk_is_full(start_gateway: Callable[..., Gateway], disk: Path) -> None:
    """The same on a file system that is really full, down to its last byte."""
    gateway = start_gateway(disk / "data")
    kept = gateway.kept()
    check_problem(gateway.upload(nifti_bytes((120, 120, 120)), SECRET), 507, "Miller")
    assert gateway.kept() == kept
    assert gateway.upload(nifti_bytes()).status_code == 201

    kept = gateway.kept()
    with pytest.raises(OSError, match="No space"), (disk / "filler").open("wb") as filler:
        filler.write(bytes(4 * MB))
    for content in (nifti_bytes(seed=1), png_bytes(seed=1)):
        check_problem(gateway.upload(content), 507)
        assert gateway.kept() == kept
    assert gateway.client.get("/readyz").status_code == 503
    (disk / "filler").unlink()
    assert gateway.upload(nifti_bytes(seed=1)).status_code == 201


def test_database_takes_no_more(start_gateway: Callable[..., Gateway]) -> None:
    """Room for the bytes and none for the row: they go again, unless a scan has them."""
    prelude = (
        "from jobs.repository.scans import Scans\n"
        "from imaging.errors import StorageFull\n"
        "add = Scans.add\n"
        "def once(self, scan, compared=None):\n"
        "    Scans.add = full\n"
        "    return add(self, scan, compared)\n"
        "def full(self, scan, compared=None): raise StorageFull('No room.')\n"
        "Scans.add = once\n"
    )
    gateway = start_gateway(prelude=prelude, blob_grace_s="1")
    scan = gateway.scan(nifti_bytes())
    kept = gateway.kept()
    for content in (nifti_bytes(), nifti_bytes(seed=1)):
        check_problem(gateway.upload(content), 507)
        until(lambda: gateway.kept() == kept)
    answer = gateway.client.get(f"/v1/scans/{scan}/volume")
    assert answer.content == nifti_bytes()


def test_json_is_limited_before_it_is_parsed(gateway: Gateway) -> None:
    """By its size and by its number of values: parsing it holds up all other requests."""
    client, headers = gateway.client, {"Content-Type": "application/json"}
    many = b"[" + b"[]," * 400_000 + b"[]]"
    for path, content in {
        "/v1/jobs": b"[" + bytes(MB) + b"]",
        "/v1/batches": many,
        "/v1/session": many[:100_000],
    }.items():
        check_problem(client.post(path, content=content, headers=headers), 413)
    check_problem(client.post("/v1/batches", content=many[: 5 * MB // 2], headers=headers), 413)
    check_problem(client.post("/v1/batches", content=b" " * MB + b"[]", headers=headers), 422)
