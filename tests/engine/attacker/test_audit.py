"""Attempts get a name, and changes to what is shared do not go unseen."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from types import FrameType

import pytest
import torch

from gexbench.core import images
from gexbench.engine.attacker import audit
from gexbench.engine.attacker.audit import Incidents
from gexbench.engine.sandbox import environment
from gexbench.engine.service.meter import Meter

ROOT = Path(__file__).resolve().parents[3]


def incidents(tmp_path: Path, body: str) -> list[str]:
    """Run a program under watch, in another process, for a watch never ends; what it tries may fail."""
    (tmp_path / "own").mkdir(exist_ok=True)
    (tmp_path / "secret").mkdir(exist_ok=True)
    program = """
        import contextlib, os, sys
        from gexbench.engine.attacker import audit
        os.chdir("own")
        found = audit.install(["../secret"], ["."])
        for line in sys.argv[1].splitlines():
            with contextlib.suppress(Exception):
                exec(line)
        print("\\n".join(found.list()))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), textwrap.dedent(body).strip()],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.replace(str(tmp_path.resolve()), "").splitlines()


def test_reading_what_is_private_is_named_once(tmp_path: Path) -> None:
    body = """
        open("../secret/weights.bin")
        open(b"../secret/weights.bin", "rb")
        os.symlink("../secret", "way")
        open("way/test.png")
        open("mine", "w").write("x")
        open("mine").read()
        open("/proc/1/environ")
        open("/proc/self/status")
    """
    assert incidents(tmp_path, body) == [
        *("tried to read /secret/weights.bin", "tried to read /secret/test.png"),
        *(["tried to read /proc/1/environ, of another process"] if sys.platform == "linux" else []),
    ]


def test_a_private_place_itself_is_private_too(tmp_path: Path) -> None:
    assert incidents(tmp_path, 'os.close(os.open("../secret", os.O_RDONLY))') == ["tried to read /secret"]


def test_changing_files_outside_is_named_by_what_was_tried(tmp_path: Path) -> None:
    body = """
        open("../ledger", "w")
        os.mkdir("../new")
        os.mkdir("new")
        os.rename("new", "newer")
        os.rename("newer", "../newest")
        os.remove("../ledger")
        os.symlink("/etc/passwd", "../lure")
        os.link("mine", "../theirs")
        os.truncate("../ledger", 0)
        open(os.devnull, "w").write("x")
        __import__("shutil").rmtree("newer", ignore_errors=True)
    """
    assert incidents(tmp_path, body) == [
        "tried to write /ledger",
        "tried to make the folder /new",
        "tried to rename /own/newer to /newest",
        "tried to delete /ledger",
        "tried to make the link /lure",
        "tried to link /own/mine to /theirs",
        "tried to cut off /ledger",
    ]


@pytest.mark.parametrize("flag", ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"])
def test_a_file_outside_that_is_opened_in_any_way_that_may_change_it_is_named(flag: str, tmp_path: Path) -> None:
    assert incidents(tmp_path, f'os.close(os.open("../ledger", os.{flag}))') == ["tried to write /ledger"]


@pytest.mark.parametrize("process", [-1, 1])
def test_a_signal_to_everybody_or_to_the_first_process_is_named(process: int, tmp_path: Path) -> None:
    assert incidents(tmp_path, f"os.kill({process}, 0)") == [f"tried to send signal 0 to process {process}"]


def test_network_and_signals_are_named(tmp_path: Path) -> None:
    body = """
        import socket
        socket.socketpair()
        socket.socket(socket.AF_INET).close()
        socket.create_connection(("127.0.0.1", 9), timeout=0.1)
        socket.socket(socket.AF_UNIX).connect("/run/nowhere")
        os.kill(os.getppid(), 0)
        os.kill(os.getpid(), 0)
    """
    found = incidents(tmp_path, body)
    assert found[:4] == [
        "tried to open a network socket",
        "tried to look up the address of '127.0.0.1'",
        "tried to open a connection to ('127.0.0.1', 9)",
        "tried to open a connection to '/run/nowhere'",
    ]
    assert found[4].startswith("tried to send signal 0 to process ")
    assert len(found) == 5


def test_a_watcher_that_fails_stops_nothing(tmp_path: Path) -> None:
    body = """
        audit._Eye.look = lambda *_: 1 / 0
        open("mine", "w").write("x")
        found.add(open("mine").read())
    """
    assert incidents(tmp_path, body) == ["x"]


def test_incidents_are_few_short_and_all_different() -> None:
    found = Incidents()
    for number in range(100):
        found.add(f"tried {number // 2}\n" + "x" * 1000 + "/end")
    assert len(found.list()) == 20
    assert all(len(text) <= 200 and "\n" not in text and text.endswith("/end") for text in found.list())


def test_nothing_changed_is_nothing_said() -> None:
    before = audit.snapshot()
    torch.rand(3).sum()
    assert audit.changes(before) == []


def test_replaced_code_of_gexbench_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = audit.snapshot()
    monkeypatch.setattr(images, "from_uint8", lambda x: x)
    monkeypatch.setattr(Meter, "ask", lambda self, x: x)
    monkeypatch.setattr(images.to_uint8, "__code__", (lambda x: x).__code__)
    monkeypatch.delattr(images, "Tensor")
    assert sorted(audit.changes(before)) == [
        "gexbench.core.images.Tensor was replaced",
        "gexbench.core.images.from_uint8 was replaced",
        "gexbench.core.images.to_uint8 was replaced",
        "gexbench.engine.service.meter.Meter.ask was replaced",
    ]


def test_changed_settings_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GONE", "1")
    monkeypatch.setenv("SET", "1")
    before = audit.snapshot()
    monkeypatch.delenv("GONE")
    monkeypatch.setenv("SET", "secret value")
    monkeypatch.setenv("NEW", "as libraries do")
    monkeypatch.chdir(tmp_path)
    dtype = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        with torch.no_grad():
            found = audit.changes(before)
    finally:
        torch.set_default_dtype(dtype)
    assert sorted(found) == [
        "the environment variable GONE was changed",
        "the environment variable SET was changed",
        f"the working directory was changed to {tmp_path}",
        "torch's default dtype was changed to torch.float64",
        "torch's gradient mode was changed to False",
    ]


def test_choosing_threads_and_deterministic_algorithms_is_the_attacks_own_business(tmp_path: Path) -> None:
    program = """
        import torch
        from gexbench.engine.attacker import audit
        found, before = audit.install([], ["."]), audit.snapshot()
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.set_num_interop_threads(2)
        torch.use_deterministic_algorithms(True)
        print(torch.are_deterministic_algorithms_enabled(), found.list(), audit.changes(before))
    """
    environment.furnish(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        env=environment.environment(tmp_path, {}),
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "True [] []\n"


def test_looking_takes_a_few_calls_a_name_and_asks_the_system_for_its_folder_alone() -> None:
    before = audit.snapshot()
    called: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "c_call"):
            called[getattr(argument, "__module__", None) or "gexbench"] += 1

    sys.setprofile(count)
    try:
        audit.changes(before)
    finally:
        sys.setprofile(None)
    assert called.total() < 40 * len(before.parts)
    assert called["posix"] == 1
    assert called["io"] + called["_io"] == 0
