"""A lease on a folder: one holder at a time, on one machine and on several, whatever their clocks say."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from record_factory import Records, write_registry

from gexbench.engine.run import lease
from gexbench.engine.run.lease import LENGTH, Lease
from gexbench.engine.run.run_folder import RunFolder
from gexbench.errors import Busy, GexbenchError


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.02)
    monkeypatch.setattr(lease, "LAPSE", 0.3)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have SIGINT raise KeyboardInterrupt, which a process in the background, as of xdist, may ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def elsewhere(folder: Path, number: int, **told: object) -> Path:
    """Write the lease of a holder on another machine."""
    folder.mkdir(exist_ok=True)
    file = folder / str(number)
    line = json.dumps({"host": "n7", "boot": "x", "pid": 1, "beat": 1, "free": False, **told}).encode()
    file.write_bytes(line.ljust(LENGTH - 1) + b"\n")
    return file


def test_a_lease_is_given_back_and_taken_again_at_once(tmp_path: Path) -> None:
    for number in range(1, 4):
        held = Lease.take(tmp_path, dead=False)
        assert held.file.name == str(number)
        held.give_back()
        assert len(held.file.read_bytes()) == LENGTH


def test_a_holder_that_beats_keeps_others_out(tmp_path: Path) -> None:
    held = Lease.take(tmp_path / "run" / ".lease", dead=True)
    with pytest.raises(Busy, match=f"another gexbench is running in {tmp_path / 'run'}, on "):
        Lease.take(tmp_path / "run" / ".lease", dead=False)
    held.give_back()


def test_a_holder_of_this_machine_whose_lock_is_gone_is_dead_and_one_of_another_machine_is_watched(
    tmp_path: Path,
) -> None:
    killed = Lease.take(tmp_path, dead=True)
    killed._stopped.set()
    begin = time.monotonic()
    Lease.take(tmp_path, dead=True).give_back()
    assert time.monotonic() - begin < lease.LAPSE
    elsewhere(tmp_path, 3)
    begin = time.monotonic()
    assert Lease.take(tmp_path, dead=True).file.name == "4"
    assert time.monotonic() - begin >= lease.LAPSE


def test_a_machine_that_was_started_again_is_another_one(tmp_path: Path) -> None:
    elsewhere(tmp_path, 1, host=lease._machine()["host"], boot="before")
    begin = time.monotonic()
    Lease.take(tmp_path, dead=True).give_back()
    assert time.monotonic() - begin >= lease.LAPSE


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_clocks_that_jump_neither_free_a_lease_nor_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    now = time.time() + jump
    monkeypatch.setattr(time, "time", lambda: now)
    held = Lease.take(tmp_path, dead=True)
    os.utime(held.file, (now, now))
    with pytest.raises(Busy):
        Lease.take(tmp_path, dead=False)
    held._stopped.set()
    held._thread and held._thread.join()
    os.utime(held.file, (now, now))
    assert Lease.take(tmp_path, dead=False).file.name == "2"


def test_a_lease_that_was_not_written_whole_is_watched_too(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    begin = time.monotonic()
    Lease.take(tmp_path, dead=True).give_back()
    assert time.monotonic() - begin >= lease.LAPSE


@pytest.mark.usefixtures("interruptible")
def test_who_was_taken_over_writes_no_record_and_is_stopped(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Busy, match="has taken over"), folder.locked():  # noqa: PT012
        elsewhere(folder.path / ".lease", 2)
        with pytest.raises(Busy, match="has taken over"):
            folder.put_record(None)  # type: ignore[arg-type]
        time.sleep(5)
    assert json.loads((folder.path / ".lease" / "2").read_bytes())["host"] == "n7"


def test_a_lease_that_a_thread_holds_does_not_stop_the_main_one(tmp_path: Path) -> None:
    held: list[Lease] = []
    thread = threading.Thread(target=lambda: held.append(Lease.take(tmp_path, dead=True)))
    thread.start()
    thread.join()
    elsewhere(tmp_path, 2)
    time.sleep(0.1)
    assert not held[0].is_ours()
    held[0].give_back()


def test_a_full_disk_does_not_end_the_beat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Lease.take(tmp_path, dead=True)

    def full(free: bool = False) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(held, "write", full)
    time.sleep(0.1)
    assert held._thread is not None
    assert held._thread.is_alive()
    held.give_back()
    assert held.is_ours()


def test_an_interrupt_of_the_user_stays_one(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path).locked():
        raise KeyboardInterrupt


def test_a_disk_without_locks_has_the_lease_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("gexbench.engine.run.run_folder.fcntl.flock", unsupported)
    with RunFolder(tmp_path).locked(), pytest.raises(Busy), RunFolder(tmp_path).locked():
        pass


def _race(folder: str, start: float, won: multiprocessing.Queue[int]) -> None:
    lease.BEAT, lease.LAPSE = 0.02, 0.3
    while time.monotonic() < start:
        pass
    try:
        held = Lease.take(Path(folder), dead=False)
    except GexbenchError:
        return
    won.put(os.getpid())
    time.sleep(1)
    held.give_back()


def test_of_many_that_take_over_from_one_that_is_gone_one_does(tmp_path: Path) -> None:
    elsewhere(tmp_path, 1)
    context = multiprocessing.get_context("fork")
    won = context.Queue()
    all_of_them = [context.Process(target=_race, args=(str(tmp_path), time.monotonic() + 0.2, won)) for _ in range(4)]
    for each in all_of_them:
        each.start()
    for each in all_of_them:
        each.join()
    assert won.get(timeout=1)
    assert won.empty()


def test_a_process_that_is_killed_is_followed_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()

    def hold() -> None:
        with RunFolder(tmp_path).locked():
            ready.set()
            time.sleep(60)

    process = context.Process(target=hold)
    process.start()
    assert ready.wait(10)
    with pytest.raises(Busy), RunFolder(tmp_path).locked():
        pass
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    begin = time.monotonic()
    with RunFolder(tmp_path).locked():
        assert time.monotonic() - begin < lease.LAPSE


@pytest.mark.parametrize(("told", "kept"), [({"landlock": True}, True), ({"landlock": False}, False), ({}, False)])
def test_what_an_attack_made_on_a_machine_without_a_sandbox_reaches_no_attempt_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, bool], kept: bool
) -> None:
    monkeypatch.setattr(lease.landlock, "abi", lambda: 4)
    monkeypatch.setattr(lease, "_machine", lambda: {"host": "n7", "boot": "x"})
    plan = Records(write_registry(tmp_path / "registry")).plan()
    folder = RunFolder(tmp_path / "run")
    folder.open(plan)
    (folder.work / "weights").touch()
    elsewhere(folder.path / ".lease", 1, **told)
    with RunFolder(folder.path).locked():
        pass
    again = RunFolder(folder.path)
    with again.locked():
        again.open(plan)
        assert (again.work / "weights").exists() == kept


def test_without_a_sandbox_anywhere_an_attack_goes_on_from_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease.landlock, "abi", lambda: 0)
    plan = Records(write_registry(tmp_path / "registry")).plan()
    for made in (False, True):
        folder = RunFolder(tmp_path / "run")
        with folder.locked():
            folder.open(plan)
            assert (folder.work / "weights").exists() == made
            (folder.work / "weights").touch()
