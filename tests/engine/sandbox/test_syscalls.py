"""What the filter and the lost privileges keep a confined process from, tried by programs that want to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .probes import Probe, attempt, needs_sandbox


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
