"""`tessera batch` on this machine: sources, the table, changes, failures, and a second start.

The network is `small`, which labels noise everywhere. Masks are compared with those of `tessera
segment`, counts with numpy, tables with pandas.
"""

import csv
import fcntl
import json
import os
from collections import Counter
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from cli.batch.journal import Journal
from cli.batch.run import JOURNAL, LOCK
from tests.support.cluster import noise
from tests.support.command_line import run, tessera
from tests.support.convolutions import network
from tests.support.dicom.files import classic, write

SMALL = ("--model", "small")
DONE, SOME_FAILED, REFUSED = 0, 3, 2


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    network(folder / "small", "small", 4)
    network(folder / "other", "other", 5)
    network(folder / "both", "both", 4, inputs=("t1", "flair"))
    return folder


@pytest.fixture(autouse=True)
def _models(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_MODELS", str(models))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three scans with the same name in folders of their own, and a file that is none."""
    for number, name in enumerate(("a", "b", "b/c")):
        (tmp_path / "study" / name).mkdir(parents=True)
        noise(tmp_path / "study" / name / "t1.nii.gz", 10, number)
    (tmp_path / "study" / "a" / "t1.json").write_text("{}")
    return tmp_path / "study"


def table(out: Path) -> dict[str, dict[str, str]]:
    """The rows of results.csv by id."""
    with (out / "results.csv").open(newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def states(out: Path) -> dict[str, str]:
    return {name: row["state"] for name, row in table(out).items()}


def attempts(out: Path) -> Counter[str]:
    """How often each scan was segmented, by the lines of the journal."""
    lines = [json.loads(line) for line in (out / JOURNAL).read_text().splitlines()]
    return Counter(line["id"] for line in lines if "id" in line)


@pytest.mark.slow
def test_a_folder(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert tessera("batch", study, *SMALL, "-o", out) == DONE
    rows = table(out)
    assert list(rows) == ["a/t1.nii.gz", "b/c/t1.nii.gz", "b/t1.nii.gz"]
    row = rows["b/c/t1.nii.gz"]
    assert row["mask"] == "masks/b/c/t1.nii.gz"
    mask = np.asarray(nibabel.load(out / row["mask"]).dataobj)
    alone = tmp_path / "alone.nii.gz"
    assert tessera("segment", study / "b" / "c" / "t1.nii.gz", *SMALL, "-o", alone) == 0
    np.testing.assert_array_equal(mask, np.asarray(nibabel.load(alone).dataobj))
    assert [int(row["a_voxels"]), int(row["b_voxels"])] == [(mask == n).sum() for n in (1, 2)]
    assert float(row["a_ml"]) == pytest.approx((mask == 1).sum() / 1000)
    assert {row["state"] for row in rows.values()} == {"succeeded"}
    assert (row["model"], row["model_version"], row["problem"]) == ("small", "1", "")

    frame = pd.read_parquet(out / "results.parquet")
    read = pd.read_csv(out / "results.csv", dtype={"model_version": str})
    pd.testing.assert_frame_equal(frame, read, check_dtype=False)
    assert frame["a_voxels"].dtype == np.int64


@pytest.mark.slow
def test_what_is_done_and_unchanged_is_left_out(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed scan, a deleted mask and a new scan are segmented at the next start."""
    out = study / "out"  # below the scans: its masks are no scans
    assert tessera("batch", study, *SMALL, "-o", out) == DONE
    before = table(out)
    assert tessera("batch", study, *SMALL, "-o", out) == DONE
    assert set(attempts(out).values()) == {1}
    assert table(out) == before

    noise(study / "a" / "t1.nii.gz", 10, 9)
    (out / before["b/t1.nii.gz"]["mask"]).unlink()
    noise(study / "new.nii.gz", 10, 5)
    capsys.readouterr()
    status, said = run(capsys, "batch", study, *SMALL, "-o", out)
    assert status == DONE
    assert "4 scans: 1 done already, 3 to segment." in said
    expected = {"a/t1.nii.gz": 2, "b/t1.nii.gz": 2, "b/c/t1.nii.gz": 1, "new.nii.gz": 1}
    assert attempts(out) == expected
    after = table(out)
    assert after["a/t1.nii.gz"]["a_voxels"] != before["a/t1.nii.gz"]["a_voxels"]
    assert after["b/t1.nii.gz"]["a_voxels"] == before["b/t1.nii.gz"]["a_voxels"]


@pytest.mark.slow
def test_failures_are_listed_and_repeated_on_request(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (study / "empty.nii.gz").touch()
    (study / "half.nii.gz").write_bytes((study / "a" / "t1.nii.gz").read_bytes()[:300])
    status, said = run(capsys, "batch", study, *SMALL, "-o", out)
    assert status == SOME_FAILED
    assert "The file is empty." in said
    assert "3 of 5 scans have a mask." in said
    assert "Traceback" not in said
    row = table(out)["empty.nii.gz"]
    assert (row["state"], row["problem_type"]) == ("failed", "urn:tessera:unreadable-scan")
    assert row["problem"].startswith("The file is empty.")
    assert row["mask"] == row["a_voxels"] == ""

    assert tessera("batch", study, *SMALL, "-o", out) == SOME_FAILED  # they are not tried again
    assert set(attempts(out).values()) == {1}
    assert tessera("batch", study, *SMALL, "-o", out, "--retry-failed") == SOME_FAILED
    once = dict.fromkeys(states(out), 1)
    assert attempts(out) == once | {"empty.nii.gz": 2, "half.nii.gz": 2}
    noise(study / "empty.nii.gz", 10, 1)  # a new content needs no option
    noise(study / "half.nii.gz", 10, 2)
    assert tessera("batch", study, *SMALL, "-o", out) == DONE
    assert set(states(out).values()) == {"succeeded"}


@pytest.mark.slow
def test_another_model_is_refused_unless_it_is_to_replace_the_masks(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert tessera("batch", study, *SMALL, "-o", out) == DONE
    before = (out / "results.csv").read_bytes()
    for change in (("--model", "other"), (*SMALL, "--precision", "fp32")):
        status, said = run(capsys, "batch", study, *change, "-o", out)
        assert status == REFUSED
        assert "3 masks of these scans that were made with another model" in said
    assert (out / "results.csv").read_bytes() == before
    assert tessera("batch", study, "--model", "other", "-o", out, "--replace") == DONE
    assert {row["model"] for row in table(out).values()} == {"other"}


def test_two_at_once_are_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with (out / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, said = run(capsys, "batch", study, *SMALL, "-o", out)
    assert status == 1
    assert "Another `tessera batch` writes to" in said
    assert [path.name for path in out.iterdir()] == [LOCK]


@pytest.mark.slow
def test_a_table_carries_its_columns(study: Path, tmp_path: Path) -> None:
    """Relative paths begin at the table; cells that a spreadsheet would compute are texts."""
    listed = study / "list.csv"
    listed.write_text(
        "\ufeffid;path;age;note\n"
        "p-1;a/t1.nii.gz;71;=1+1\n"
        f"p-2;{study / 'b' / 't1.nii.gz'};;\n"
        "\n"
        "../p.3;gone.nii.gz;64;\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    assert tessera("batch", listed, *SMALL, "-o", out) == SOME_FAILED
    rows = table(out)
    assert list(rows) == ["p-1", "p-2", "../p.3"]
    assert list(rows["p-1"])[:5] == ["id", "input", "age", "note", "state"]
    assert [row["age"] for row in rows.values()] == ["71", "", "64"]
    assert rows["p-1"]["note"] == "'=1+1"
    assert pd.read_parquet(out / "results.parquet")["note"][0] == "=1+1"
    assert rows["p-1"]["mask"] == "masks/p-1.nii.gz"
    assert "does not exist" in rows["../p.3"]["problem"]
    assert states(out)["../p.3"] == "failed"
    assert tessera("batch", listed, *SMALL, "-o", out, "--only", "p-?") == DONE
    assert list(table(out)) == ["p-1", "p-2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,scan\n1,a/t1.nii.gz\n", "no column path"),
        ("path,path\na/t1.nii.gz,b\n", "several columns path"),
        ("id,path\n1,a/t1.nii.gz\n1,b/t1.nii.gz\n", "2 rows have the id 1"),
        ("path,volume\na/t1.nii.gz,first\n", "Line 2 of the table has no number from 1"),
        ("path,id\n,7\n", "Line 2 of the table has no path"),
        ("path\na/t1.nii.gz,b\n", "Line 2 of the table has more cells"),
        ("path,state\na/t1.nii.gz,x\n", "column state of the table is a column of the results"),
        ("path\n", "lists no scan"),
        ("", "no column path"),
    ],
)
def test_a_table_that_is_wrong_is_refused(
    text: str, words: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = study / "list.csv"
    listed.write_text(text)
    status, said = run(capsys, "batch", listed, *SMALL, "-o", study / "out")
    assert status == REFUSED
    assert words in said
    assert not (study / "out").exists()


def test_a_table_that_is_not_utf_8(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (study / "list.csv").write_bytes(b"path\nM\xfcller.nii\n")
    status, said = run(capsys, "batch", study / "list.csv", *SMALL, "-o", study / "out")
    assert (status, "is not UTF-8" in said) == (REFUSED, True)


@pytest.mark.slow
def test_a_model_with_several_channels_needs_a_table(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, both = tmp_path / "out", ("--model", "both")
    status, said = run(capsys, "batch", study, *both, "-o", out)
    assert status == REFUSED
    assert "channels t1, flair" in said
    listed = study / "list.tsv"
    listed.write_text("subject\tt1\tsecond\ns1\ta/t1.nii.gz\tb/t1.nii.gz\n")
    channel = ("--channel", "flair=second")
    assert tessera("batch", listed, *both, "-o", out, *channel) == DONE
    (row,) = table(out).values()
    inputs = {name: Path(row[f"input_{name}"]).parent.name for name in ("t1", "flair")}
    assert inputs == {"t1": "a", "flair": "b"}
    assert row["subject"] == "s1"


@pytest.mark.slow
def test_a_bids_data_set(tmp_path: Path) -> None:
    root = tmp_path / "study"
    for number, name in enumerate(("sub-01/anat/sub-01", "sub-02/ses-a/anat/sub-02_ses-a")):
        (root / name).parent.mkdir(parents=True)
        for kind in ("T1w", "FLAIR"):
            noise(root / f"{name}_{kind}.nii.gz", 10, number)
    facts = {"Name": "made", "BIDSVersion": "1.10.0"}
    (root / "dataset_description.json").write_text(json.dumps(facts))
    out = root / "derivatives" / "tessera"
    for _ in range(2):
        assert tessera("batch", root, "--model", "both", "-o", out) == DONE
    assert set(attempts(out).values()) == {1}
    rows = table(out)
    assert list(rows) == [
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-02/ses-a/anat/sub-02_ses-a_T1w.nii.gz",
    ]
    masks = [out / row["mask"] for row in rows.values()]
    assert masks[1].name == "sub-02_ses-a_desc-both_dseg.nii.gz"
    assert all(mask.with_name(mask.name.replace(".nii.gz", ".json")).is_file() for mask in masks)
    ignored = (out / ".bidsignore").read_text().split()
    assert set(ignored) >= {"results.csv", "results.parquet", JOURNAL}


@pytest.mark.slow
def test_the_scans_of_a_folder(tmp_path: Path) -> None:
    """A DICOM series is one scan; hidden files, other files and links to folders are none."""
    root, voxels = tmp_path / "root", np.zeros((6, 7, 8), np.int16)
    for name in ("dicom/one", "dicom/two"):
        write(classic(voxels, np.eye(4)), root / name)
    for path in (root / "dicom" / "two").iterdir():
        path.rename(path.with_suffix(""))  # no ending
    (root / "x.nii").touch()
    (root / "x.nii.gz").touch()
    (root / ".hidden").mkdir()
    (root / ".hidden" / "y.nii").touch()
    (root / "pair.img").write_bytes(b"voxels")
    (root / "loop").symlink_to(root)
    (root / "gone").symlink_to(tmp_path / "nothing")
    out = tmp_path / "out"
    assert tessera("batch", root, *SMALL, "-o", out) == SOME_FAILED
    rows = table(out)
    assert states(out) == {
        "dicom/one": "succeeded", "dicom/two": "succeeded", "x.nii": "failed", "x.nii.gz": "failed",
    }  # fmt: skip
    assert rows["dicom/one"]["mask"] == "masks/dicom/one.nii.gz"
    assert nibabel.load(out / rows["dicom/two"]["mask"]).shape == (6, 7, 8)
    for path in (root / "x.nii", root / "x.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(np.zeros((5, 5, 5), np.int16), np.eye(4)), path)
    assert tessera("batch", root, *SMALL, "-o", out) == DONE
    assert len({row["mask"] for row in table(out).values()}) == 4


@pytest.mark.slow
def test_several_scans_in_one_folder_fail_with_a_way_out(tmp_path: Path) -> None:
    from pydicom.uid import generate_uid

    folder, voxels = tmp_path / "root" / "both", np.zeros((6, 7, 8), np.int16)
    uids = []
    for number in range(2):
        slices = classic(voxels + number, np.eye(4))
        uids.append(generate_uid())
        for one in slices:
            one.SeriesInstanceUID = uids[-1]
            one.SOPInstanceUID = generate_uid()
            one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        for index, path in enumerate(write(slices, tmp_path / f"part-{number}")):
            folder.mkdir(parents=True, exist_ok=True)
            path.rename(folder / f"{number}-{index}.dcm")
    out = tmp_path / "out"
    assert tessera("batch", tmp_path / "root", *SMALL, "-o", out) == SOME_FAILED
    (row,) = table(out).values()
    assert row["problem_type"] == "urn:tessera:several-scans"
    assert "columns path, series, stack and volume" in row["problem"]
    listed = tmp_path / "list.csv"
    listed.write_text(
        "id,path,series\n" + "".join(f"s{n},root/both,{u}\n" for n, u in enumerate(uids))
    )
    assert tessera("batch", listed, *SMALL, "-o", tmp_path / "chosen") == DONE
    assert list(states(tmp_path / "chosen")) == ["s0", "s1"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("root", "-o", "root"),
        ("root/a", "-o", "root"),
        ("root", "-o", "x", "--only", "*.png"),
        ("root", "-o", "x", "--channel", "a=b"),
        ("root/a/t1.nii.gz", "-o", "x"),
        ("empty", "-o", "x"),
    ],
)
def test_what_is_no_batch_is_refused(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    noise(tmp_path / "root" / "a" / "t1.nii.gz", 8)
    monkeypatch.chdir(tmp_path)
    assert tessera("batch", *arguments, *SMALL) == REFUSED
    assert not (tmp_path / "x").exists()


def test_a_journal_outlives_what_a_crash_left_of_it(tmp_path: Path) -> None:
    from cli.batch.journal import Record

    path = tmp_path / JOURNAL
    records = [Record(f"s{n}", "succeeded", "f", "s", "t", f"m{n}") for n in range(3)]
    with Journal(path) as journal:
        for record in records:
            journal.append(record)
        batch = journal.batch
    whole = path.read_bytes()
    *_, last = whole.splitlines(keepends=True)
    for cut in (1, 2, 3, len(last) // 2, len(last) - 1):
        path.write_bytes(whole[:-cut])
        with Journal(path) as journal:
            complete = cut == 1  # only the end of the line is missing
            assert (journal.last("s2") is not None) == complete
            assert journal.record("s1") == records[1]
            journal.append(records[2])
            assert journal.record("s2") == records[2]
        with Journal(path) as journal:
            assert journal.record("s2") == records[2]
            assert journal.batch == batch
    path.write_bytes(whole.replace(b'"s1"', b"\0\0\0\0") + b"[1]\nnull\n{}\n" + b"\0" * 600)
    with Journal(path) as journal:
        found = [journal.record(f"s{n}") for n in range(3)]
    assert found == [records[0], None, records[2]]


def test_time_that_remains() -> None:
    from cli.batch.throughput import Throughput

    now = [100.0]
    state = Throughput(1000, 100, 1, clock=lambda: now[0])
    assert state.facts == "1 failed"
    for _ in range(300):
        now[0] += 2
        state.add(failed=False)
    assert state.facts == "1 failed, 30.0 per minute, 20 min left"
    now[0] += 400  # the last 200 took as long as the pause
    assert state.facts == "1 failed, 15.0 per minute, 40 min left"


def test_names_that_are_not_utf_8(study: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"M\xfcller.nii.gz")
    (study / "a" / "t1.nii.gz").rename(study / name)
    out = tmp_path / "out"
    for _ in range(2):
        assert tessera("batch", study, *SMALL, "-o", out) == DONE
    assert set(attempts(out).values()) == {1}
    assert "M\\udcfcller.nii.gz" in (out / "results.csv").read_text("utf-8")
    assert len(pd.read_parquet(out / "results.parquet")) == 3


def test_many_scans_start_soon(tmp_path: Path) -> None:
    """The list, its plan and its table grow with the number of scans, and not with its square."""
    import time

    from cli.batch.folder import entries_of_folder
    from cli.batch.targets import mask_targets_of

    def seconds(count: int) -> float:
        root = tmp_path / str(count)
        root.mkdir()
        for number in range(count):
            (root / f"{number}.nii.gz").touch()
        began = time.process_time()
        entries = entries_of_folder(root, tmp_path / "out")
        mask_targets_of(entries, tmp_path / "out", None)
        return time.process_time() - began

    few, many = seconds(500), seconds(5000)
    assert many < 40 * few
