"""What the filter and the lost privileges keep a confined process from, tried by programs that want to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gexbench.engine.sandbox.syscalls import refusals

from .probes import Probe, attempt, needs_sandbox, needs_view

NUMBERS = Path(__file__).with_name("syscall_numbers.txt")


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path)


@needs_sandbox
def test_no_socket_can_be_opened_but_a_connected_pair(probe: Probe) -> None:
    found = attempt(
        probe,
        """
        attempt("pair", lambda: socket.socketpair())
        attempt("tcp", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        attempt("tcp6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
        attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        attempt("unix", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
        attempt("connect", lambda: socket.create_connection(("127.0.0.1", 9)))
        attempt("datagrams", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
        attempt("tipc", lambda: socket.socketpair(30, socket.SOCK_STREAM))
        attempt("bind", lambda: socket.socketpair()[0].bind(b"\\0gexbench"))
        attempt("uring", lambda: call("syscall", 425, 1, 0))
        """,
    )
    assert found.pop("pair") == "DONE"
    assert set(found.values()) == {"refused"}


@needs_sandbox
def test_other_processes_cannot_be_signalled_traced_or_limited(probe: Probe) -> None:
    found = attempt(
        probe,
        """
        bench, supervisor = int(sys.argv[1]), os.getppid()
        child = os.fork()
        if child == 0:
            signal.pause()
        attempt("own-child", lambda: os.kill(child, signal.SIGKILL))
        os.waitpid(child, 0)
        attempt("kill-bench", lambda: os.kill(bench, signal.SIGTERM))
        attempt("kill-supervisor", lambda: os.kill(supervisor, signal.SIGKILL))
        attempt("probe-bench", lambda: os.kill(bench, 0))
        attempt("kill-init", lambda: os.kill(1, 0))
        attempt("ptrace", lambda: call("ptrace", 16, bench, 0, 0))
        attempt("peek", lambda: call("process_vm_readv", bench, 0, 0, 0, 0, 0))
        attempt("limit", lambda: __import__("resource").prlimit(bench, 7))
        attempt("getfd", lambda: call("syscall", 438, os.pidfd_open(bench), 0, 0))
        attempt("mount", lambda: call("mount", b"none", b".", b"tmpfs", 0, 0))
        attempt("unshare", lambda: call("unshare", 0x10000000))
        attempt("chroot", lambda: os.chroot("."))
        attempt("handle", lambda: call("syscall", 303, -100, b".", 0, 0, 0))
        """,
        os.getpid(),
    )
    assert found.pop("own-child") == "DONE"
    assert set(found.values()) == {"refused"}


@needs_sandbox
def test_no_program_but_python_can_be_run_and_none_gains_privileges(probe: Probe) -> None:
    found = attempt(
        probe,
        """
        import subprocess
        attempt("python", lambda: subprocess.run([sys.executable, "-c", "1"], check=True))
        attempt("shell", lambda: subprocess.run(["/bin/sh", "-c", "true"]))
        attempt("capability", lambda: call("prctl", 24, 0, 0, 0, 0))
        print("no_new_privs", call("prctl", 39, 0, 0, 0, 0))
        """,
    )
    assert found.pop("shell") == "refused"
    assert found == {"python": "DONE", "capability": "refused", "no_new_privs": "1"}


@needs_sandbox
def test_nothing_of_another_process_can_be_scheduled_but_a_process_may_schedule_itself(probe: Probe) -> None:
    found = attempt(
        probe,
        """
        bench, all_of_them = int(sys.argv[1]), os.sched_getaffinity(0)
        attempt("own-affinity", lambda: os.sched_setaffinity(0, all_of_them))
        attempt("own-nice", lambda: os.nice(0))
        attempt("affinity", lambda: os.sched_setaffinity(bench, all_of_them))
        attempt("scheduler", lambda: os.sched_setscheduler(bench, os.SCHED_BATCH, os.sched_param(0)))
        attempt("param", lambda: os.sched_setparam(bench, os.sched_param(0)))
        attempt("attr", lambda: call("syscall", 314, bench, ctypes.create_string_buffer(48), 0))
        attempt("priority", lambda: os.setpriority(os.PRIO_PROCESS, bench, 19))
        attempt("group", lambda: os.setpriority(os.PRIO_PGRP, 0, 19))
        attempt("user", lambda: os.setpriority(os.PRIO_USER, 0, 19))
        attempt("io", lambda: call("syscall", 251, 1, bench, 0))
        attempt("io-user", lambda: call("syscall", 251, 3, 0, 0))
        attempt("pages", lambda: call("syscall", 256, bench, 0, 0, 0))
        attempt("personality", lambda: call("personality", 0x40000))
        """,
        os.getpid(),
    )
    assert {name for name, said in found.items() if said == "DONE"} == {"own-affinity", "own-nice"}
    assert len(found) == 13


@needs_sandbox
def test_no_message_can_be_left_where_another_process_finds_it(probe: Probe) -> None:
    found = attempt(
        probe,
        """
        attempt("shmget", lambda: call("shmget", 77, 4096, 0o1600))
        attempt("shmat", lambda: call("shmat", 0, 0, 0))
        attempt("shmctl", lambda: call("shmctl", 0, 13, 0))
        attempt("semget", lambda: call("semget", 77, 1, 0o1600))
        attempt("semctl", lambda: call("semctl", 0, 0, 12))
        attempt("msgget", lambda: call("msgget", 77, 0o1600))
        attempt("msgsnd", lambda: call("msgsnd", 0, b"12345678x", 1, 0))
        attempt("msgctl", lambda: call("msgctl", 0, 2, 0))
        attempt("queue", lambda: call("syscall", 240, b"queue", os.O_CREAT, 0o600, 0))
        attempt("key", lambda: call("syscall", 248, b"user", b"gexbench", b"x", 1, -4))
        attempt("watch", lambda: call("inotify_init1", 0))
        attempt("notify", lambda: __import__("fcntl").fcntl(os.open(".", os.O_RDONLY), 1026, 1))
        attempt("resident", lambda: call("mincore", 0, 0, 0))
        attempt("out", lambda: call("madvise", 0, 0, 21))
        attempt("at-once", lambda: os.preadv(os.open(sys.executable, os.O_RDONLY), [bytearray(1)], 0, os.RWF_NOWAIT))
        """,
    )
    assert set(found.values()) == {"refused"}


@needs_sandbox
def test_a_files_times_stay_what_they_are_and_files_can_be_copied(probe: Probe) -> None:
    found = attempt(
        probe,
        """
        import shutil
        open("mine", "w").write("x")
        before = os.stat("mine").st_mtime_ns
        attempt("copy", lambda: shutil.copy2("mine", "other"))
        for name, act in {
            "path": lambda: os.utime("mine", (7, 7)),
            "open": lambda: os.utime(os.open("mine", os.O_RDONLY), (7, 7)),
            "libc": lambda: call("utimes", b"mine", ctypes.create_string_buffer(32)),
        }.items():
            act()
            print(name, "kept" if os.stat("mine").st_mtime_ns == before else "changed")
        """,
    )
    assert found == {"copy": "DONE", "path": "kept", "open": "kept", "libc": "kept"}


def test_system_calls_have_the_numbers_that_linux_gives_them() -> None:
    lines = [line.split() for line in NUMBERS.read_text("utf-8").splitlines() if not line.startswith("#")]
    numbers = {name: tuple(None if word == "-" else int(word) for word in words) for name, *words in lines}
    listed = {entry.name: (entry.x86_64, entry.aarch64) for entry in refusals(0, 1)}
    assert listed == numbers
    assert {(entry.x86_64, entry.aarch64) for entry in refusals(0, 1)} == set(numbers.values())


@needs_view
def test_no_capability_can_come_back(probe: Probe) -> None:
    found = attempt(probe, "print('bounds', sum(max(0, libc.prctl(23, each, 0, 0, 0)) for each in range(64)))")
    assert found == {"bounds": "0"}
