"""Damages a file of a known structure: its fields, its text, its chunks, and any bytes."""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from struct import calcsize, pack, unpack_from

_NUMBERS = (
    *(0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 32, 64, 127, 128, 255, 256, 348, 540, 0x7FFF, 0x8000),
    *(0xFFFF, 0x10000, 12345678, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF),
)
_FLOATS = (0.0, -1.0, 1e-30, 1e30, 3.4e38, float("nan"), float("inf"), 0.5, -0.0)
_WORDS = (
    *(b"0", b"-1", b"1e400", b"nan", b"99999999999999999999", b"", b"none", b"(1,0,0)", b"3 3"),
    *(
        b"4",
        b"gzip",
        b"raw",
        b"True",
        b"False",
        b"LOCAL",
        b"LIST",
        b"uint8",
        b"MET_DOUBLE",
        b"\xff",
    ),
)
_FIELD_FORMATS = ("B", "<H", ">H", "<I", ">I", "<Q", ">Q")


def mutated(data: bytes, kind: str, random: Random) -> bytes:
    """A damaged copy of a file of this format."""
    if data.startswith(b"\x1f\x8b") and random.random() < 0.7:
        inner = mutated(gzip.decompress(data), kind, random)
        return gzip.compress(inner, 1, mtime=0)
    if data.startswith(b"PK\3\4") and random.random() < 0.9:
        return _zip(data, random)
    out = bytearray(data)
    for _ in range(random.randint(1, 4)):
        if not out:
            break
        structured = _STRUCTURED.get(kind)
        if structured is not None and random.random() < 0.6:
            structured(out, random)
        else:
            random.choice(_ANYWHERE)(out, random)
    return bytes(out)


def _zip(data: bytes, random: Random) -> bytes:
    """Damages one member of an archive, or its name, and packs it again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    n = random.randrange(len(members))
    name, content = members[n]
    choice = random.random()
    if choice < 0.05:
        del members[n]
    elif choice < 0.1:
        members[n] = (random.choice(members)[0] + random.choice(("", "/", "0", "/../x")), content)
    elif content[:1] in b"{[" and choice < 0.8:
        members[n] = (name, _json(content, random))
    else:
        kind = _KINDS.get(name.rpartition(".")[2], "")
        members[n] = (name, mutated(content, kind, random))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            archive.writestr(*member)
    return buffer.getvalue()


_KINDS = {"mhd": "metaimage", "nhdr": "nrrd", "dcm": "dicom"}
"""Formats of members by the endings of their names."""
_JSON_VALUES = (
    *(b"0", b"-1", b"1", b"2", b"3.5", b"1e400", b"NaN", b"null", b"true", b"[]", b"{}", b'""'),
    *(b"99999999999999999999", b"2147483648", b'"x"', b'"<f8"', b'"|u1"', b'"millimeter"'),
    *(b"[1]", b"[{}]", b'{"a": 1}', b'"channel"', b'"space"', b'"time"'),
)


def _json(content: bytes, random: Random) -> bytes:
    """Replaces a number, a word or a name."""
    tokens = list(re.finditer(rb'-?\d+(\.\d+)?|"[^"]*"|null|true|false', content))
    if not tokens:
        return content[: random.randrange(len(content) + 1)]
    token = random.choice(tokens)
    return content[: token.start()] + random.choice(_JSON_VALUES) + content[token.end() :]


def _at(out: bytearray, random: Random) -> int:
    """Headers are small, so that the first bytes are chosen more often."""
    return random.randrange(len(out) if random.random() < 0.4 else min(len(out), 600))


def _put(out: bytearray, at: int, content: bytes) -> None:
    """Overwrites, without changing the length."""
    out[at : at + len(content)] = content[: len(out) - at]


def _byte(out: bytearray, random: Random) -> None:
    out[_at(out, random)] = random.choice((0, 1, 127, 128, 255, random.randrange(256)))


def _bit(out: bytearray, random: Random) -> None:
    out[_at(out, random)] ^= 1 << random.randrange(8)


def _number(out: bytearray, random: Random) -> None:
    form = random.choice(_FIELD_FORMATS)
    size = calcsize(form)
    value = random.choice(_NUMBERS) & ((1 << 8 * size) - 1)
    at = _at(out, random)
    _put(out, at - at % min(size, 4), pack(form, value))


def _float(out: bytearray, random: Random) -> None:
    at = _at(out, random)
    _put(out, at - at % 4, pack(random.choice("<>") + "f", random.choice(_FLOATS)))


def _cut(out: bytearray, random: Random) -> None:
    del out[random.randrange(len(out)) :]


def _remove(out: bytearray, random: Random) -> None:
    at = _at(out, random)
    del out[at : at + random.choice((1, 2, 4, 12, random.randrange(1, 200)))]


def _repeat(out: bytearray, random: Random) -> None:
    at, source = _at(out, random), random.randrange(len(out))
    out[at:at] = out[source : source + random.randrange(1, 300)]


_ANYWHERE = (_byte, _byte, _bit, _bit, _number, _number, _float, _cut, _remove, _repeat)


def _text(out: bytearray, random: Random) -> None:
    """Changes a word of the header's lines, removes a line, or repeats one."""
    ends = (out.find(b"\n\n"), out.find(b"LOCAL\n") + 5)
    end = max(ends) if max(ends) > 4 else len(out)
    lines = bytes(out[:end]).split(b"\n")
    n, choice = random.randrange(len(lines)), random.random()
    if choice < 0.7:
        words = lines[n].split(b" ")
        words[random.randrange(len(words))] = random.choice(_WORDS)
        lines[n] = b" ".join(words)
    elif choice < 0.85:
        del lines[n]
    else:
        lines.insert(random.randrange(len(lines)), lines[n])
    out[:end] = b"\n".join(lines)


def _tiff(out: bytearray, random: Random) -> None:
    """Changes the tag, the type, the count or the value of an entry, or the next directory."""
    order = "<" if out[:2] == b"II" else ">"
    directories = _directories(out, order)
    if not directories:
        _number(out, random)
        return
    first, count = random.choice(directories)
    entry = first + 2 + 12 * random.randrange(max(count, 1))
    choice = random.random()
    if choice < 0.2:
        _put(out, entry, pack(order + "H", random.choice(_TAGS)))
    elif choice < 0.35:
        _put(out, entry + 2, pack(order + "H", random.randint(0, 18)))
    elif choice < 0.6:
        _put(out, entry + 4, pack(order + "I", random.choice(_NUMBERS)))
    elif choice < 0.7:
        target = random.choice([*(at for at, _ in directories), 8, len(out)])
        _put(out, first + 2 + 12 * count, pack(order + "I", target))
    else:
        _put(out, entry + 8, pack(order + "I", random.choice(_NUMBERS)))


_TAGS = (
    *(254, 256, 257, 258, 259, 262, 266, 270, 273, 274, 277, 278, 279, 282, 284, 296, 317, 320),
    *(322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512, 513, 529, 530, 532, 700),
    *(32995, 32996, 32997, 33628, 34412, 34712, 34736, 42113, 50838, 50839, 51123, 65420, 65426),
)


def _directories(out: bytearray, order: str) -> list[tuple[int, int]]:
    """Offset and number of entries of each directory of a classic TIFF."""
    directories: list[tuple[int, int]] = []
    at = unpack_from(order + "I", out, 4)[0] if len(out) > 8 else 0
    while 0 < at < len(out) - 2 and len(directories) < 10:
        count = unpack_from(order + "H", out, at)[0]
        if at + 2 + 12 * count + 4 > len(out):
            break
        directories.append((at, count))
        at = unpack_from(order + "I", out, at + 2 + 12 * count)[0]
    return directories


def _dicom(out: bytearray, random: Random) -> None:
    """Changes the tag, VR, length or value of an element of an explicit little endian file."""
    elements = _elements(out)
    if not elements:
        _number(out, random)
        return
    at, head, length = random.choice(elements)
    choice = random.random()
    if choice < 0.1:
        other = random.choice(elements)[0]
        _put(out, at, bytes(out[other : other + 4]))
    elif choice < 0.25:
        _put(out, at + 4, random.choice((b"UN", b"OB", b"SQ", b"DS", b"US", b"UI", b"\0\0")))
    elif choice < 0.45:
        form = "<I" if head == 12 else "<H"
        value = random.choice((*_NUMBERS, length + 1, length - 1)) & ((1 << 8 * (head - 6)) - 1)
        _put(out, at + head - calcsize(form), pack(form, value & ((1 << 8 * calcsize(form)) - 1)))
    elif choice < 0.55:
        del out[at : at + head + length]
    elif length in (2, 4):
        value = random.choice(_NUMBERS) & ((1 << 8 * length) - 1)
        _put(out, at + head, pack("<H" if length == 2 else "<I", value))
    else:
        word = random.choice((*_WORDS, b"1\\2", b"0\\0\\0", b"1e40\\1", b"MONOCHROME1", b"RGB"))
        _put(out, at + head, word.ljust(min(length, 1 << 16))[:length])  # it may state 4 GB


def _elements(out: bytearray) -> list[tuple[int, int, int]]:
    """Offset, length of tag, VR and length, and length of the value of each element."""
    elements, at = [], 132
    while at + 12 <= len(out) and len(elements) < 3000:
        vr = bytes(out[at + 4 : at + 6])
        if not vr.isalpha():
            break
        long = vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"UC", b"UR", b"OD", b"OL")
        head = 12 if long else 8
        length = unpack_from("<I" if long else "<H", out, at + (8 if long else 6))[0]
        if length == 0xFFFFFFFF:
            length = 0
        elements.append((at, head, length))
        at += head + length
        if bytes(out[at : at + 4]) == b"\xfe\xff\x00\xe0":
            at += 8
    return elements


def _png(out: bytearray, random: Random) -> None:
    """Changes a chunk's content or length, with a right checksum afterwards; or moves a chunk."""
    chunks, at = [], 8
    while at + 12 <= len(out):
        length = unpack_from(">I", out, at)[0]
        if at + 12 + length > len(out):
            break
        chunks.append((at, length))
        at += 12 + length
    if not chunks:
        _byte(out, random)
        return
    at, length = random.choice(chunks)
    if random.random() < 0.2:
        chunk = bytes(out[at : at + 12 + length])
        out[8:8] = chunk
        return
    for _ in range(random.randint(1, 3)):
        if length:
            out[at + 8 + random.randrange(length)] = random.choice((0, 1, 2, 255, 128, 16))
    checksum = zlib.crc32(bytes(out[at + 4 : at + 8 + length]))
    _put(out, at + 8 + length, pack(">I", checksum))


_STRUCTURED: dict[str, Callable[[bytearray, Random], None]] = {
    "nrrd": _text,
    "metaimage": _text,
    "tiff": _tiff,
    "dicom": _dicom,
    "png": _png,
}
