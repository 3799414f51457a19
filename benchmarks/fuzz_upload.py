"""Uploads of damaged files, whose parameters, archive or form may be damaged, too."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from benchmarks.mutate import mutated

_BOUNDARY = b"----fuzz"
_NUMBERS = ("1", "1", "2", "3", "0", "-1", "1.5", "", "x", "99999999999999999999", "\0", "\u0661")
_FLAGS = ("true", "true", "true", "false", "1", "", "maybe")
_UIDS = ("1.2.3", "1", ".", "0" * 65, "", "1.2\0", "%", "\u00e9", "1' OR '1'='1")
_PARAMETERS = {
    "each": _FLAGS,
    "deidentify": _FLAGS,
    "resample": _FLAGS,
    "volume": _NUMBERS,
    "stack": _NUMBERS,
    "series": _UIDS,
    "uncompress": _FLAGS,
    "expiry": _NUMBERS,
    "image": ("a", "../a", "\0", "a" * 300, "\u00e9"),
    "unknown": ("x",),
}
_OPTIONS = tuple(_PARAMETERS)[:6]
_NAMES = (
    *(b"scan", b"a.nii.gz", b"b.dcm", b"", b".", b"../../x", b"C:\\x\\y", b"\xff\xfe", b"a\0b"),
    *(b"n" * 300, b'a\\"b', "\u00e9\u4e2d".encode(), b"a.zip", b"a\tb", b"%00"),
)
_TARGETS = (
    *(("POST", "/v1/scans", "files", _OPTIONS),) * 8,
    ("PUT", "/monai-label/datastore", "file", ("image",)),
    ("PUT", "/monai-label/session", "files", ("uncompress", "expiry")),
)
"""Method, address, name of the files' field, parameters."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A request with files; `seed` decides about all that is random in its body."""

    method: str
    path: str
    field: str
    files: tuple[bytes, ...]
    query: tuple[tuple[str, str], ...]
    packed: str
    """`zip`, `tar`, or "" where the files are sent one by one."""
    form_damage: str
    """The name of a function in `_DAMAGES`, or ""."""
    chunked: bool
    seed: int
    sent_bytes: int | None = None
    """After how many bytes of the body the connection is closed; None: never."""

    @property
    def address(self) -> str:
        """Path and query."""
        return f"{self.path}?{urlencode(self.query)}"

    @property
    def headers(self) -> dict[str, str]:
        """The header Content-Type."""
        kind = f"multipart/form-data; boundary={_BOUNDARY.decode()}"
        if self.form_damage == "kind":
            kind = Random(self.seed).choice(_KINDS)
        return {"Content-Type": kind}

    def content(self) -> bytes | Iterator[bytes]:
        """The body; in blocks where it is sent without a length."""
        return self.blocks() if self.chunked else b"".join(self.blocks())

    def blocks(self) -> Iterator[bytes]:
        """The body, in blocks of random lengths."""
        random = Random(self.seed)
        body = self._form(random)
        if self.form_damage in _DAMAGES:
            body = _DAMAGES[self.form_damage](body, random)
        at = 0
        while at < len(body):
            size = random.choice((1, 7, 100, 5000, 1 << 16))
            yield body[at : at + size]
            at += size

    def save(self, path: Path) -> None:
        """Writes the request's body, and what else belongs to it as JSON beside it."""
        path.write_bytes(b"".join(self.blocks()))
        facts = {**asdict(self), "files": [file.hex() for file in self.files]}
        path.with_suffix(".json").write_text(json.dumps(facts, indent=2))

    def _form(self, random: Random) -> bytes:
        files = [_PACKERS[self.packed](self.files, random)] if self.packed else self.files
        parts = []
        for file in files:
            name = random.choice(_NAMES) if random.random() < 0.3 else b"scan"
            disposition = b'form-data; name="%s"; filename="%s"' % (self.field.encode(), name)
            parts += [b"--" + _BOUNDARY, b"Content-Disposition: " + disposition, b"", file]
        return b"\r\n".join([*parts, b"--" + _BOUNDARY + b"--", b""])


def damaged_upload(originals: Mapping[str, Sequence[bytes]], kind: str, random: Random) -> Upload:
    """An upload of a damaged file of a format, often with other files and with parameters."""
    whole = random.choice(originals[kind])
    files = [whole if random.random() < 0.2 else mutated(whole, kind, random)]
    if random.random() < 0.3:
        files += _more_files(originals, kind, random)
        random.shuffle(files)
    method, path, field, parameters = random.choice(_TARGETS)
    names = [name for name in parameters if random.random() < 0.15]
    names += ["unknown"] * (random.random() < 0.02)
    upload = Upload(
        method=method,
        path=path,
        field=field,
        files=tuple(files),
        query=tuple((name, random.choice(_PARAMETERS[name])) for name in names),
        packed=random.choice(("", "", "", "zip", "tar")),
        form_damage=random.choice(tuple(_DAMAGES)) if random.random() < 0.15 else "",
        chunked=random.random() < 0.2,
        seed=random.randrange(1 << 32),
    )
    if random.random() < 0.03:
        length = sum(map(len, upload.blocks()))
        return replace(upload, sent_bytes=random.randrange(length + 1), chunked=False)
    return upload


def _more_files(
    originals: Mapping[str, Sequence[bytes]], kind: str, random: Random
) -> Iterator[bytes]:
    for _ in range(random.randint(1, 3)):
        choice = random.random()
        if choice < 0.4:
            yield random.choice(originals[kind])
        else:
            other = kind if choice < 0.7 else random.choice(sorted(originals))
            yield mutated(random.choice(originals[other]), other, random)


def _zip(files: Sequence[bytes], random: Random) -> bytes:
    buffer = io.BytesIO()
    method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for number, file in enumerate(files):
            name = random.choice(("%d", "a/%d.dcm", "../%d", "%d.hdr", "%d/.zarray"))
            archive.writestr(name % number, file)
    packed = buffer.getvalue()
    return _damaged(packed, random) if random.random() < 0.5 else packed


def _tar(files: Sequence[bytes], random: Random) -> bytes:
    buffer = io.BytesIO()
    mode = random.choice(("w", "w:gz", "w:bz2", "w:xz"))
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for number, file in enumerate(files):
            entry = tarfile.TarInfo(random.choice((f"{number}", "/a", "../x", "n" * 200)))
            entry.size = len(file)
            archive.addfile(entry, io.BytesIO(file))
    packed = buffer.getvalue()
    return _damaged(packed, random) if random.random() < 0.5 else packed


def _damaged(packed: bytes, random: Random) -> bytes:
    """Damages the archive itself; `mutated` would unpack it."""
    return packed[:1] + mutated(packed[1:], "", random)


_PACKERS: dict[str, Callable[[Sequence[bytes], Random], bytes]] = {"zip": _zip, "tar": _tar}
_KINDS = (
    *("", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed"),
    *("multipart/form-data; boundary=wrong", "multipart/form-data; boundary=" + "b" * 5000),
    *('multipart/form-data; boundary="--', "multipart/form-data; boundary*=utf-8''%ff", ";;=;"),
    *("multipart/form-data; boundary=\u00e9", "application/x-www-form-urlencoded"),
)


def _after_boundary(body: bytes, lines: bytes) -> bytes:
    start = b"--" + _BOUNDARY + b"\r\n"
    return body.replace(start, start + lines, 1)


def _cut(body: bytes, random: Random) -> bytes:
    return body[: random.randrange(len(body))]


def _long_header(body: bytes, random: Random) -> bytes:
    size = random.choice((8000, 8192, 1 << 16, 1 << 20))
    return _after_boundary(body, random.choice((b"X: ", b"")) + b"a" * size + b"\r\n")


def _many_headers(body: bytes, random: Random) -> bytes:
    return _after_boundary(body, b"X-Header: value\r\n" * random.choice((10, 1000, 50_000)))


def _many_parts(body: bytes, random: Random) -> bytes:
    part = b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\nx\r\n'
    name, file_name = random.choice((b"files", b"file", b"a", b"")), random.choice((b"", b"f"))
    shown = b'; filename="f"' if file_name else b""
    return part % (_BOUNDARY, name, shown) * random.choice((2, 100, 5000)) + body


def _disposition(body: bytes, random: Random) -> bytes:
    replacement = random.choice(
        (
            *(b"", b"form-data", b'form-data; name=""', b'form-data; name="files"', b"\xff" * 20),
            b'form-data; filename="scan"',
            b"form-data; name=files; filename*=UTF-8''%00%ff%",
            b"form-data; name=files; filename*=x",
            b"form-data; name*=utf-8''fil%65s; filename=scan",
            b"form-data; name*=unknown'x'files; filename*0=a; filename*1=b",
            b'attachment; name="files"; filename="a"; filename="b"',
            b'form-data; name="fi\xffles"; filename="a"',
            b'form-data; name="files; filename="a',
        )
    )
    head, mark, rest = body.partition(b"Content-Disposition: ")
    return head + mark + replacement + rest[max(0, rest.find(b"\r\n")) :]


_ENDS = (b"", b"\r\n", b"--", b"-\r\n", b"--\r\n" + b"text" * 100)
_DAMAGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "cut": _cut,
    "kind": lambda body, _: body,
    "bytes": lambda body, random: mutated(body, "", random),
    "head": lambda body, random: mutated(body[:120], "", random) + body[120:],
    "end": lambda body, random: body.removesuffix(b"--\r\n") + random.choice(_ENDS),
    "long header": _long_header,
    "many headers": _many_headers,
    "many parts": _many_parts,
    "disposition": _disposition,
    "newlines": lambda body, _: body.replace(b"\r\n", b"\n"),
    "empty": lambda _body, _random: b"",
}
