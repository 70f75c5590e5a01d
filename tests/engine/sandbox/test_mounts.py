"""What a process may not touch has no name in its view, and what it may touch is all there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gexbench.engine.sandbox import linux, mounts
from gexbench.engine.sandbox.launch import Job, launch
from gexbench.engine.sandbox.rules import Rules

from ..processes import HANG
from .probes import Confine, Probe, attempt, needs_sandbox, needs_view

REFUSING = (
    "import sys; sys.path.append(sys.argv[1]); from gexbench.engine.sandbox import mounts, supervisor\n"
    "def refuse(*_): raise PermissionError(13, 'no namespaces')\n"
    "mounts.{} = refuse; supervisor.main()"
)
"""The program of a supervisor on a system that refuses a step of a view."""
NAMESPACES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
user = f"{os.geteuid()} {os.geteuid()} 1"
assert libc.unshare(0x10000000 | 0x20000) == 0
open("/proc/self/uid_map", "w").write(user)
assert libc.mount(None, b"/", None, ctypes.c_ulong(1 << 18 | 1 << 14), None) == 0
assert libc.mount(b"tmpfs", b"/proc", b"tmpfs", ctypes.c_ulong(0), None) == 0
none = (ctypes.c_uint64 * 4)(1, 0, 0, 0)
assert libc.syscall(ctypes.c_long(442), -100, b"/proc", 0, none, ctypes.c_size_t(32)) == 0
"""
"""What a view needs of the system: namespaces, mounts in them, and attributes of mounts."""
ASK = """
    for number, path in enumerate(sys.argv[1:]):
        attempt(str(number), lambda: os.lstat(path).st_size)
"""


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path)


@pytest.fixture
def older(probe: Probe) -> Path:
    """A file of a run that has ended."""
    path = probe.root / "runs" / "older" / "log.txt"
    path.parent.mkdir(parents=True)
    path.write_text("x" * 1234)
    return path


@needs_view
def test_what_is_not_allowed_cannot_be_asked_about_by_any_path(probe: Probe, older: Path) -> None:
    found = attempt(
        probe,
        ASK,
        *(older, older.parent, probe.root / "work/../runs/older/log.txt", probe.root / "log", "/etc/passwd", __file__),
        *(f"/proc/{process}/{way}{older}" for process in ("self", os.getpid(), 1) for way in ("root", "cwd/../..")),
        *("/proc/self/fd/0/../../runs", f"/proc/self/task/1/root{older}", f"/proc/thread-self/root{older}"),
        *(f"/proc/self/fd/{number}/../runs/older/log.txt" for number in range(8)),
        *(Path.home() / ".cache", probe.code.parent / "code/../runs", "/dev/shm", "/dev/mqueue", "/var", "/run"),
    )
    assert len(found) == 29
    assert set(found.values()) == {"refused"}


@needs_view
def test_a_private_file_beside_allowed_ones_is_not_there_and_folders_list_what_is_allowed(probe: Probe) -> None:
    for name in ("open.txt", "secret.txt", "deep/open.txt", "deep/secret.txt"):
        (probe.code / name).parent.mkdir(parents=True, exist_ok=True)
        (probe.code / name).write_text(name)
    (probe.code / "link").symlink_to("open.txt")
    found = attempt(
        probe,
        """
        code, source = sys.argv[1:]
        print("code", ",".join(sorted(os.listdir(code))))
        print("deep", ",".join(os.listdir(code + "/deep")))
        print("link", open(code + "/link").read())
        print("source", ",".join(os.listdir(source)))
        """,
        probe.code,
        Path(mounts.__file__).parents[3],
        confine=Confine((probe.code / "secret.txt", probe.code / "deep/secret.txt")),
    )
    assert found["code"].split(",") == ["deep", "link", "open.txt", "program.py"]
    assert (found["deep"], found["link"], found["source"]) == ("open.txt", "open.txt", "gexbench")


@needs_view
def test_files_and_folders_that_are_allowed_can_be_read_and_the_own_folder_is_shared_with_the_bench(
    probe: Probe, older: Path
) -> None:
    (probe.root / "brief").mkdir()
    (probe.root / "brief/pool").write_text("pool")
    (probe.work / "before").mkdir(parents=True)
    found = attempt(
        probe,
        """
        brief, log = sys.argv[1:]
        print("pool", open(brief + "/pool").read())
        print("log", len(open(log).read()))
        attempt("siblings", lambda: os.listdir(os.path.dirname(log)))
        attempt("before", lambda: os.rmdir("before"))
        attempt("write", lambda: open(os.getcwd() + "/mine", "w").write("for the bench"))
        attempt("null", lambda: open("/dev/null", "w").write("x"))
        attempt("over", lambda: open(log, "a"))
        attempt("new", lambda: open(brief + "/new", "w"))
        attempt("root", lambda: os.mkdir("/new"))
        """,
        probe.root / "brief",
        older,
        confine=Confine(read=(probe.root / "brief", older)),
    )
    assert found.pop("pool") == "pool"
    assert found.pop("log") == "1234"
    assert {name for name, said in found.items() if said == "DONE"} == {"before", "write", "null"}
    assert (probe.work / "mine").read_text() == "for the bench"
    assert not (probe.work / "before").exists()


@needs_view
def test_places_are_known_by_the_links_that_lead_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk/project").mkdir(parents=True)
    (tmp_path / "absolute").symlink_to(tmp_path / "disk")
    (tmp_path / "relative").symlink_to("absolute/../disk/project")
    (tmp_path / "circle").symlink_to("circle")
    monkeypatch.syspath_prepend(tmp_path / "circle")
    (tmp_path / "disk/project/given").write_text("given")
    probe = Probe(tmp_path / "relative")
    found = attempt(
        probe,
        """
        given, prefix = sys.argv[1:]
        print("given", open(given).read())
        print("home", os.environ["HOME"].startswith(os.environ["PWD"] if "PWD" in os.environ else "/"))
        attempt("temporary", lambda: open(os.environ["TMPDIR"] + "/x", "w").write("x"))
        print("interpreter", sys.prefix == prefix and os.path.exists(sys.executable))
        """,
        probe.root / "given",
        sys.prefix,
        confine=Confine(read=(probe.root / "given", tmp_path / "missing")),
    )
    assert found == {"given": "given", "home": "True", "temporary": "DONE", "interpreter": "True"}
    assert (tmp_path / "disk/project/work/.tmp/x").read_text() == "x"


@needs_view
def test_namespaces_are_its_own_its_user_is_the_same_and_nothing_of_them_remains(probe: Probe) -> None:
    before = Path("/proc/self/mountinfo").read_text()
    found = attempt(
        probe,
        """
        for name in ("user", "mnt", "ipc"):
            print(name, os.readlink("/proc/self/ns/" + name))
        print("ids", f"{os.getuid()},{os.getgid()},{os.stat('.').st_uid}")
        """,
    )
    assert found.pop("ids") == f"{os.getuid()},{os.getgid()},{os.getuid()}"
    assert all(told != os.readlink(f"/proc/self/ns/{name}") for name, told in found.items())
    assert Path("/proc/self/mountinfo").read_text() == before
    assert sorted(path.name for path in probe.work.iterdir()) == [".home", ".tmp"]


@needs_view
def test_no_view_can_be_changed_from_within(probe: Probe) -> None:
    numbers = [getattr(mounts, name)[linux.machine()] for name in ("_UNSHARE", "_MOUNT", "_UNMOUNT", "_PIVOT_ROOT")]
    found = attempt(
        probe,
        """
        for number in map(int, sys.argv[1:]):
            attempt(str(number), lambda: call("syscall", number, b".", b".", 0, 0, 0))
        attempt("capability", lambda: call("prctl", 24, 0, 0, 0, 0))
        attempt("maps", lambda: open("/proc/self/uid_map", "w").write("0 0 1"))
        """,
        *(*numbers, 308 if linux.machine() == "x86_64" else 268, 428, 429, 430, 431, 432, 433, 442, 457, 458, 467),
    )
    assert set(found.values()) == {"refused"}


@needs_view
def test_reading_leaves_no_time_of_access(probe: Probe) -> None:
    given = probe.root / "given"
    given.write_text("given")
    os.utime(given, (1.0, given.stat().st_mtime))
    assert attempt(probe, "print('said', open(sys.argv[1]).read())", given, confine=Confine(read=(given,)))
    assert given.stat().st_atime == 1.0


@needs_sandbox
@pytest.mark.parametrize("step", ["_unshare", "_copy", "_bind", "_set"])
def test_where_the_system_refuses_a_view_a_child_runs_without(tmp_path: Path, step: str, older: Path) -> None:
    probe = Probe(tmp_path, REFUSING.format(step))
    found = attempt(probe, ASK + "    attempt('read', lambda: open(path))\n", older)
    assert found == {"0": "DONE", "read": "refused"}


@needs_sandbox
def test_a_child_whose_rules_want_no_view_has_none(probe: Probe, older: Path) -> None:
    ours = Path(linux.__file__).parents[3]
    rules = Rules(read=(ours, Path(sys.prefix), Path(sys.base_prefix), *map(Path, ("/usr", "/lib", "/lib64"))))
    job = Job("this", (), (), probe.work, probe.root / "log", rules, {})
    with launch(job) as child:
        assert os.readlink(f"/proc/{child.pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
        end = child.wait(HANG)
    assert end is not None
    assert end.code == 0


def test_a_system_with_mount_namespaces_has_views() -> None:
    if subprocess.run([sys.executable, "-I", "-c", NAMESPACES], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("the system refuses mount namespaces")
    mounts.supported.cache_clear()
    assert mounts.supported()


def test_a_system_without_mount_namespaces_has_no_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "machine", lambda: "")
    mounts.supported.cache_clear()
    assert not mounts.supported()
    mounts.supported.cache_clear()
    with pytest.raises(mounts.NoView, match="no mount namespaces"):
        mounts.enter(mounts.View("/"))
