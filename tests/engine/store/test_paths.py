from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from gexbench.engine.store import paths
from gexbench.errors import OutputError
from gexbench.files import alone, atomic_write

from ..processes import HANG


def test_home_is_the_folder_the_user_chose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path))
    assert paths.home() == tmp_path
    assert paths.assets_folder() == tmp_path / "assets"
    assert paths.victims_folder() == tmp_path / "victims"


def test_home_is_absolute_even_where_the_choice_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEXBENCH_HOME", "here")
    assert paths.home() == tmp_path / "here"


def test_home_is_the_platforms_folder_where_none_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEXBENCH_HOME", raising=False)
    platforms = paths.home()
    assert platforms.name == "gexbench"
    assert platforms.is_absolute()
    monkeypatch.setenv("GEXBENCH_HOME", "")
    assert paths.home() == platforms


def test_data_root_is_none_until_it_is_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GEXBENCH_DATA", raising=False)
    assert paths.data_root() is None
    monkeypatch.setenv("GEXBENCH_DATA", str(tmp_path))
    assert paths.data_root() == tmp_path


def test_a_written_file_is_whole_and_alone_in_its_new_folder(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "file"
    atomic_write(target, b"first")
    atomic_write(target, lambda file: file.write(b"second"))
    assert target.read_bytes() == b"second"
    assert list(target.parent.iterdir()) == [target]


def test_the_file_keeps_its_name_free_until_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "file"

    def fill(file: BinaryIO) -> None:
        file.write(b"half")
        file.flush()
        assert not target.exists()

    atomic_write(target, fill)
    assert target.read_bytes() == b"half"


def test_who_is_reading_the_old_file_goes_on_reading_it(tmp_path: Path) -> None:
    target = tmp_path / "file"
    atomic_write(target, b"old")
    with target.open("rb") as reader:
        atomic_write(target, b"new")
        assert reader.read() == b"old"


def test_a_failing_writer_leaves_what_stood_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def fail(file: BinaryIO) -> None:
        file.write(b"new")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        atomic_write(target, fail)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_disk_that_fills_up_half_way_leaves_what_stood_there(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with full_disk(1000), pytest.raises(OutputError, match=str(target)):
        atomic_write(target, bytes(5000))
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_the_error_says_where_and_why(code: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match=reason) as caught:
        atomic_write(tmp_path / "file", b"x")
    assert str(tmp_path / "file") in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_closed_to_us_is_an_output_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permission denied"):
        atomic_write(tmp_path / "file", b"x")
    tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_is_needed_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        atomic_write(tmp_path / "folder" / "file", b"x")


def test_the_second_waits_until_the_first_has_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    asked, entered = threading.Event(), threading.Event()

    def second() -> None:
        with alone(tmp_path / "lock"):
            entered.set()

    def flock(*request: Any) -> None:
        asked.set()
        take(*request)

    thread = threading.Thread(target=second)
    with alone(tmp_path / "lock"):
        take = fcntl.flock
        monkeypatch.setattr(fcntl, "flock", flock)
        thread.start()
        assert asked.wait(HANG)
        assert not entered.wait(0.2)
    assert entered.wait(HANG)
    thread.join()
