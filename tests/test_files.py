"""Files are written whole, new folders are new, and what is read is a file of bounded size."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from gexbench.errors import OutputError
from gexbench.files import alone, atomic_write, new_folder, read_bounded

MIB = 1 << 20


def test_all_of_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[tuple[int, bool]] = []
    monkeypatch.setattr(os, "fsync", lambda file: kept.append((os.fstat(file).st_size, (tmp_path / "file").exists())))
    atomic_write(tmp_path / "file", b"content")
    atomic_write(tmp_path / "file", lambda file: file.write(b"longer content"))
    assert kept == [(7, False), (14, True)]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        atomic_write(tmp_path, b"a folder stands here")
    assert list(tmp_path.parent.glob(".*.part")) == []


def test_a_new_folder_is_nobodys_and_what_it_lies_in_is_made(tmp_path: Path) -> None:
    within = tmp_path / "not" / "yet"
    first, second = new_folder(within), new_folder(within)
    assert first.parent == second.parent == within
    assert first != second
    assert [*first.iterdir()] == []


def test_a_lock_makes_its_folder_and_is_free_again_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "not" / "yet" / "lock"
    for _ in range(2):
        with alone(lock):
            assert lock.is_file()


@pytest.mark.parametrize("make", [new_folder, lambda place: alone(place / "lock").__enter__()])
def test_a_file_where_a_folder_is_needed_is_told(tmp_path: Path, make: object) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="a file stands where a folder is needed") as refused:
        make(tmp_path / "file")  # type: ignore[operator]
    assert "GEXBENCH_HOME for weights, --out for runs" in refused.value.hint


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_another_way_out_than_a_closed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(file: int) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError) as refused:
        atomic_write(tmp_path / "file", b"x")
    assert refused.value.hint.startswith("free some space")


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(MIB))
    assert read_bounded(file, MIB) == bytes(MIB)
    file.write_bytes(bytes(MIB + 1))
    with pytest.raises(OSError, match="more than 1 MiB") as refused:
        read_bounded(file, MIB)
    assert refused.value.errno == errno.EFBIG


def test_a_file_that_grows_while_it_is_read_is_no_larger_than_it_may_be() -> None:
    with pytest.raises(OSError, match="more than 0 MiB"):
        read_bounded(Path("/proc/self/status"), 8)  # its size is said to be 0


def test_a_file_larger_than_memory_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "vast").open("wb") as vast:
        vast.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 1 MiB"):
        read_bounded(tmp_path / "vast", MIB)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "nothing", "no name"])
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    places = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path, "no name": Path("a\0b")}
    reasons = {"folder": "Is a directory", "nothing": "No such file", "no name": "no name of a file"}
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=reasons.get(kind, "not a regular file")):
        read_bounded(places.get(kind, tmp_path / "nothing"), MIB)
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_stays_open_of_a_file_that_was_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    before = len(os.listdir("/proc/self/fd"))
    assert read_bounded(tmp_path / "file", MIB) == b"content"
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("error", "told"), [(OSError("odd"), "odd"), (OSError(errno.EIO, "Input/output error"), "Input/output error")]
)
def test_an_error_of_whom_the_file_is_given_to_is_told_in_its_own_words(
    tmp_path: Path, error: OSError, told: str
) -> None:
    def fill(file: BinaryIO) -> None:
        raise error

    with pytest.raises(OutputError) as refused:
        atomic_write(tmp_path / "file", fill)
    assert str(refused.value).splitlines()[0] == f"cannot write {tmp_path / 'file'}: {told}"
