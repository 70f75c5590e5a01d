"""What a confined process cannot do, tried by programs that want to."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pytest

from gexbench.engine.sandbox import landlock, linux, seccomp
from gexbench.engine.sandbox.rules import support

from .probes import Confine, Probe, attempt, needs_sandbox


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path)


def test_support_can_be_asked_anywhere() -> None:
    found = support()
    assert 0 <= found.landlock_abi <= 7
    assert found.landlock_abi == 0 or sys.platform == "linux"


def test_what_the_kernel_offers_is_found() -> None:
    if sys.platform != "linux":
        pytest.skip("another system's kernel offers none of it")
    asked = ctypes.CDLL(None).syscall(ctypes.c_long(444), None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    found = support()
    assert found.landlock_abi == max(0, min(asked, 7))
    assert found.seccomp == ("Seccomp_filters:" in Path("/proc/self/status").read_text())


def test_an_unknown_processor_has_no_landlock_and_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "machine", lambda: "riscv64")
    assert not seccomp.supported()
    monkeypatch.setattr(linux, "machine", lambda: "")
    assert landlock.abi() == 0


@needs_sandbox
def test_a_confined_process_can_import_torch_and_convolve(probe: Probe) -> None:
    program = """
        import torch
        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 3, 3))
        net(torch.rand(1, 3, 16, 16)).square().mean().backward()
        torch.save(net.state_dict(), "net.pt")
        print("trained", "net.pt" in __import__("os").listdir())
    """
    end, log = probe.run(program)
    assert (end.code, end.stragglers) == (0, 0), log
    assert log == "trained True\n"
    assert end.peak_memory > 50_000_000


@needs_sandbox
def test_private_files_in_allowed_folders_cannot_be_read(probe: Probe) -> None:
    weights = probe.code / "registry" / "weights.bin"
    weights.parent.mkdir(parents=True)
    weights.write_text("secret")
    (probe.code / "open.txt").write_text("public")
    (probe.code / "link.txt").symlink_to(weights)
    found = attempt(
        probe,
        """
        code = sys.argv[1]
        attempt("public", lambda: open(code + "/open.txt").read())
        attempt("secret", lambda: open(code + "/registry/weights.bin").read())
        attempt("link", lambda: open(code + "/link.txt").read())
        attempt("hardlink", lambda: os.link(code + "/registry/weights.bin", "stolen"))
        attempt("rename", lambda: os.rename(code + "/registry/weights.bin", "stolen"))
        """,
        probe.code,
        confine=Confine((weights,)),
    )
    assert found.pop("public") == "DONE"
    assert set(found.values()) == {"refused"}
    assert weights.read_text() == "secret"


@needs_sandbox
def test_files_of_the_machine_and_of_other_processes_cannot_be_read(probe: Probe) -> None:
    paths = [
        *("/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/self/maps", "/proc/self/mem", "/dev/shm"),
        *(f"/proc/1/{name}" for name in ("environ", "maps", "root", "cwd/")),
        *(f"/proc/{os.getpid()}/{name}" for name in ("mem", "environ", "maps", "fd", "root", "fd/0")),
        *(str(Path.home()), str(Path(__file__)), str(probe.root)),
    ]
    found = attempt(
        probe,
        """
        for number, path in enumerate(sys.argv[1:]):
            attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(10))
        """,
        *paths,
    )
    assert {path: said for path, said in found.items() if said != "refused"} == {}
    assert len(found) == len(paths)


@needs_sandbox
def test_only_its_own_folder_can_be_written(probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "ledger").write_text("spent: 5")
    found = attempt(
        probe,
        """
        outside, home, code = sys.argv[1:]
        ledger = outside + "/ledger"
        attempt("own-write", lambda: open("mine", "w").write("x"))
        attempt("own-folder", lambda: os.makedirs("deep/er"))
        attempt("own-rename", lambda: os.rename("mine", "deep/er/mine"))
        attempt("own-truncate", lambda: os.truncate("deep/er/mine", 0))
        attempt("own-copy", lambda: __import__("shutil").copy("deep/er/mine", "copy"))
        attempt("own-delete", lambda: os.remove("deep/er/mine"))
        attempt("tmp", lambda: open("/tmp/gexbench-stray", "w"))
        attempt("shm", lambda: open("/dev/shm/gexbench-stray", "w"))
        attempt("home", lambda: open(home + "/gexbench-stray", "w"))
        attempt("code", lambda: open(code + "/stray.py", "w"))
        attempt("append", lambda: open(ledger, "a"))
        attempt("truncate", lambda: os.truncate(ledger, 0))
        attempt("open-truncate", lambda: os.open(ledger, os.O_RDONLY | os.O_TRUNC))
        attempt("rename-over", lambda: os.rename("copy", ledger))
        attempt("link-out", lambda: os.link("copy", outside + "/copy"))
        attempt("delete", lambda: os.remove(ledger))
        attempt("mkdir", lambda: os.mkdir(outside + "/new"))
        attempt("symlink", lambda: os.symlink(ledger, "lure"))
        attempt("fifo", lambda: os.mkfifo("pipe"))
        attempt("owner", lambda: os.chown(ledger, 1, 1))
        attempt("attribute", lambda: os.setxattr(ledger, "user.x", b"1"))
        os.chmod(ledger, 0o777)
        """,
        outside,
        Path.home(),
        probe.code,
    )
    done = {name for name, said in found.items() if said == "DONE"}
    assert done == {name for name in found if name.startswith("own-")}
    assert (outside / "ledger").read_text() == "spent: 5"
    assert (outside / "ledger").stat().st_mode & 0o777 != 0o777
    assert not (probe.work / "lure").is_symlink()


@needs_sandbox
def test_threads_and_grandchildren_are_confined_too(probe: Probe) -> None:
    found = attempt(
        probe,
        """
        import subprocess, threading
        thread = threading.Thread(target=lambda: attempt("thread", lambda: open("/etc/passwd")))
        thread.start(); thread.join()
        code = "import sys\\ntry: open('/etc/passwd')\\nexcept OSError: sys.exit(3)"
        print("grandchild", subprocess.run([sys.executable, "-c", code]).returncode)
        """,
    )
    assert found == {"thread": "refused", "grandchild": "3"}
