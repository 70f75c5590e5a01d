"""The share of single faults in the package that its tests notice.

    python benchmarks/mutants.py [--modules record.py engine/wire …] [--sample N] [--seed S] [--more TEST …]
                                 [--out FILE] [--list]

modules: files or folders below gexbench/, or one line of a file, `record.py:312`; without it, those that keep the law
(`LAW`). Faults are put in one by one (benchmarks/single_faults.py says which), and the tests nearest to the module run
until one fails, the quickest first: those of its own name (tests/engine/wire/test_frames.py for engine/wire/frames.py,
or what COVERED_BY in tests/test_mirror.py names), and only where none of them notices, those of `FARTHER`, and then
those that `--more` names, such as tests/engine/run/test_cheats.py, which is slow. A hang counts as noticed. Printed are
the share of each module given and of all, and every fault that nobody noticed, by place.

sample: so many faults in all, drawn by `seed`. out: a file of JSON lines, one a fault, written as they are found; what
stands there for the same code and tests is not tried again, so the command goes on where it was stopped. list: print
the faults and run nothing.

Everything happens in a copy of the repository in a temporary folder: source is changed on disk there, since attacks,
services and the command line run in processes of their own. Each fault gets a fork of a process that has pytest,
torch and the other libraries loaded, and none of gexbench. Linux, one core: about a second a fault.

Why not mutmut (3.8), which is maintained: it switches faults by a wrapper around each function and an environment
variable. Our children start with an environment of their own, so no fault would be in them; decorated functions, fields
and module-level code, which is where bounds, validators and system calls stand, get no faults; and digests of our own
source would be of the wrappers.
"""

from __future__ import annotations

import argparse
import ast
import ctypes
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import entry_points, packages_distributions
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from single_faults import Fault, faults

REPOSITORY = Path(__file__).resolve().parent.parent
LAW = (
    *(f"engine/{name}" for name in ("service", "sandbox", "wire", "attacker", "kinds")),
    *("record.py", "foreign_text.py", "files.py"),
    *(f"boards/{name}.py" for name in ("accept", "verified", "folder", "agree")),
)
FARTHER = {
    "nets": ("tests/nets/test_translation.py",),
    "boards/cross.py": ("tests/cli/test_cross.py",),
    "boards/accept.py": ("tests/boards/test_folder.py",),
    "boards/agree.py": ("tests/boards/test_folder.py",),
    "boards/folder.py": ("tests/boards/test_publish.py",),
    "files.py": ("tests/engine/store/test_paths.py",),
    "record.py": ("tests/boards/test_accept.py", "tests/test_mutated_documents.py"),
    "engine/service": ("tests/engine/service",),
    "engine/sandbox": ("tests/engine/sandbox",),
    "engine/wire": ("tests/engine/wire",),
    "engine/attacker": ("tests/engine/attacker",),
    "engine/kinds": ("tests/engine/kinds",),
}
"""Tests that run where a module's own notice nothing, by where the module lies."""
SPARE = 20.0
"""Seconds that tests may take beyond five times what they take without a fault."""
LEFT_BEHIND = (".git", ".venv", "runs", "build", "dist", ".*_cache", "__pycache__", "*.egg-info")


@dataclass(frozen=True)
class Mutant:
    """A module with one fault in it."""

    module: str
    fault: Fault
    source: bytes

    def told(self) -> str:
        """Return where the fault is, and what became what."""
        return f"gexbench/{self.module}:{self.fault.line}  {self.fault.told(self.source)}"


@dataclass
class Outcome:
    """How tests went: the exit code, None where they hung, what failed first, and the seconds of each."""

    code: int | None = None
    failed: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)


class Watcher:
    """A plug-in of pytest: runs the quickest tests first, and keeps what an `Outcome` says."""

    def __init__(self, known: dict[str, float]) -> None:
        self.known, self.outcome = known, Outcome()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort by what each took before; as they stand where nothing is known."""
        items.sort(key=lambda item: self.known.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the seconds of a test, and keep the name of the first that fails."""
        self.outcome.seconds[report.nodeid] = self.outcome.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed and not self.outcome.failed:
            self.outcome.failed = report.nodeid


class Copy:
    """A copy of the repository, in which one module at a time is another."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "repository"
        self._renew()

    def _renew(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(REPOSITORY, self.root, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
        self._facts = self._look()

    def _look(self) -> dict[str, tuple[int, int]]:
        files = (path for path in self.root.rglob("*") if "__pycache__" not in path.parts and path.is_file())
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}

    def run(self, module: str, source: bytes, tests: Iterable[str], known: Outcome) -> Outcome:
        """Run tests on a copy in which a module is `source`; what they change in it is undone.

        known: of the same tests before; an empty one lets them all run, and as long as they like.
        """
        path = self.root / "gexbench" / module
        facts, before = path.stat(), path.read_bytes()
        _forget(path)
        path.write_bytes(source)
        try:
            return self._forked([*tests], known)
        finally:
            path.write_bytes(before)
            os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
            _forget(path)
            if self._look() != self._facts:
                self._renew()

    def _forked(self, tests: list[str], known: Outcome) -> Outcome:
        report, scratch = self.folder / "report.json", self.folder / "scratch"
        report.unlink(missing_ok=True)
        scratch.mkdir()
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                self._child(tests, known, report, scratch)
            os._exit(70)
        try:
            ended = _wait(child, 5 * sum(known.seconds.values()) + SPARE if known.seconds else 3600.0)
        finally:  # whoever stops this may not leave a child that goes on
            _kill_all(child)
            shutil.rmtree(scratch, ignore_errors=True)
        if not ended:
            return Outcome(failed="the time limit")
        return Outcome(**json.loads(report.read_bytes())) if report.exists() else Outcome(70, "the process ended")

    def _child(self, tests: list[str], known: Outcome, report: Path, scratch: Path) -> None:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        log = os.open(self.folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(self.root)
        sys.path[0] = str(self.root)
        sys.modules["__main__"] = ModuleType("__main__")  # what spawns would import this file again
        sys.dont_write_bytecode = bool(known.seconds)  # else a fault could outlive its turn
        watcher = Watcher(known.seconds)
        first = ["-x"] if known.seconds else []
        args = ["-q", *first, "-p", "no:cacheprovider", f"--basetemp={scratch / 'pytest'}"]
        code = int(pytest.main([*args, *tests], plugins=[watcher]))
        ours = (str(self.root), "<")
        libraries = [
            name for name, it in sys.modules.items() if not (getattr(it, "__file__", "") or "<").startswith(ours)
        ]
        data = {**vars(watcher.outcome), "code": code, "libraries": sorted(libraries)}
        report.write_text(json.dumps(data))
        os._exit(0)


def _forget(source: Path) -> None:
    """Remove a module's byte code, which is told apart by size and whole seconds."""
    Path(cache_from_source(str(source))).unlink(missing_ok=True)


def _wait(child: int, seconds: float) -> bool:
    """Wait for a child that long; tell whether it ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.01)
    return False


def _kill_all(child: int) -> None:
    """Kill a child and whatever it left, which has become ours."""
    left = {child}
    while left:
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:  # who lives on is killed in the next round
                pass
        time.sleep(0.01)
        tasks = Path("/proc/self/task").glob("*/children")
        left = {int(word) for task in tasks for word in task.read_text().split()}


def _adopt_orphans() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def own_tests(module: str) -> list[str]:
    """Return the test files of a module's own name, and what COVERED_BY names for it."""
    place = Path("tests", module)
    found = {place.with_name(f"test_{place.name}"), *_like(place)}
    named = [_covered_by().get(module.removeprefix("engine/"), "")] if module.startswith("engine/") else []
    return sorted({*(path.as_posix() for path in found if (REPOSITORY / path).is_file()), *filter(None, named)})


def _like(place: Path) -> Iterator[Path]:
    for path in (REPOSITORY / place.parent).glob(f"test_{place.stem}_*.py"):
        yield path.relative_to(REPOSITORY)


def _covered_by() -> dict[str, str]:
    for node in ast.parse((REPOSITORY / "tests" / "test_mirror.py").read_bytes()).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "COVERED_BY" and node.value:
            return dict(ast.literal_eval(node.value))
    raise SystemExit("tests/test_mirror.py has no COVERED_BY")


def farther_tests(module: str) -> list[str]:
    """Return the tests that run where a module's own notice nothing."""
    return [test for place, tests in FARTHER.items() if f"{module}/".startswith(f"{place}/") for test in tests]


def mutants(places: Iterable[str]) -> dict[str, list[Mutant]]:
    """Return the mutants of each file, folder or line that is named, below gexbench/."""
    found = {}
    for place in places:
        name, _, line = place.partition(":")
        path = REPOSITORY / "gexbench" / name
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        if not files or not path.exists():
            raise SystemExit(f"gexbench/{name} is not there")
        sources = {file.relative_to(REPOSITORY / "gexbench").as_posix(): file.read_bytes() for file in files}
        every = (Mutant(module, fault, source) for module, source in sources.items() for fault in faults(source))
        found[place] = [each for each in every if line in ("", str(each.fault.line))]
    return found


def drawn(groups: dict[str, list[Mutant]], count: int | None, seed: int) -> dict[str, list[Mutant]]:
    """Return `count` of the mutants, or all."""
    every = [(place, each) for place, those in groups.items() for each in those]
    kept = every if count is None or count >= len(every) else random.Random(seed).sample(every, count)
    return {place: [each for other, each in every if other == place and (other, each) in kept] for place in groups}


class Trial:
    """Tries mutants one after another, and remembers in a file what was found."""

    def __init__(self, copy: Copy, out: Path | None, more: list[str]) -> None:
        self.copy, self.out, self._more = copy, out, more
        lines = out.read_text().splitlines() if out is not None and out.is_file() else []
        self._found: dict[str, dict[str, Any]] = {it["key"]: it for it in map(json.loads, lines)}
        self._known: dict[str, Outcome] = {}

    def notices(self, mutant: Mutant) -> bool:
        """Tell whether a test fails, or hangs, with the fault in place."""
        key = self._key(mutant)
        if key not in self._found:
            start = time.monotonic()
            by = self._by(mutant)
            self._found[key] = {
                "key": key,
                "module": mutant.module,
                "line": mutant.fault.line,
                "fault": mutant.fault.told(mutant.source),
                "noticed_by": by,
                "seconds": round(time.monotonic() - start, 2),
            }
            if self.out is not None:
                with self.out.open("a") as file:
                    print(json.dumps(self._found[key]), file=file)
        return bool(self._found[key]["noticed_by"])

    def _by(self, mutant: Mutant) -> str:
        """Return the test that notices a mutant; empty where none does."""
        for tests in (own_tests(mutant.module), farther_tests(mutant.module), self._more):
            if tests:
                known = self._without_fault(mutant, tests)
                outcome = self.copy.run(mutant.module, mutant.fault.put_into(mutant.source), tests, known)
                if outcome.code != 0:
                    return outcome.failed or "an error while tests were gathered"
        return ""

    def _key(self, mutant: Mutant) -> str:
        """Return what a result holds for: the module with its fault, and the tests of the copy."""
        digest = hashlib.sha256(mutant.fault.put_into(mutant.source))
        for test in (*own_tests(mutant.module), *farther_tests(mutant.module), *self._more):
            path = self.copy.root / test
            for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
                digest.update(file.read_bytes())
        return digest.hexdigest()

    def _without_fault(self, mutant: Mutant, tests: list[str]) -> Outcome:
        """Return how the tests go without a fault, whichever module will have it; raises SystemExit where they fail."""
        place = " ".join(tests)
        if place not in self._known:
            outcome = self.copy.run(mutant.module, mutant.source + b"\n# no fault\n", tests, Outcome())
            if outcome.code != 0 or not outcome.seconds:
                log = (self.copy.folder / "log.txt").read_text()
                raise SystemExit(f"{log[-3000:]}\n{place} fail without a fault")
            _load(outcome.libraries)
            self._known[place] = outcome
        return self._known[place]


def _load(libraries: list[str]) -> None:
    """Import libraries here, so that the forks to come have them; plug-ins of pytest it must import itself."""
    plug_ins = {entry.dist.name for entry in entry_points(group="pytest11") if entry.dist is not None}
    theirs = {name for name, places in packages_distributions().items() if plug_ins.intersection(places)}
    for name in libraries:
        if name.partition(".")[0] not in {"gexbench", "_pytest", "pytest", *theirs} and not name.startswith("__"):
            with suppress(Exception):
                importlib.import_module(name)


def share(noticed: int, count: int) -> str:
    """Return a line's figures."""
    return f"{noticed:5} of {count:5}  {100 * noticed / count:5.1f} %" if count else "    0 of     0"


def tried(groups: dict[str, list[Mutant]], trial: Trial) -> Iterator[Mutant]:
    """Try all, print the shares, and yield what nobody noticed."""
    total = seen = 0
    for place, those in groups.items():
        unnoticed = []
        for number, mutant in enumerate(those, 1):
            if not trial.notices(mutant):
                unnoticed.append(mutant)
            if sys.stderr.isatty():
                print(f"\r{place} {number}/{len(those)}, {len(unnoticed)} not noticed ", end="", file=sys.stderr)
        total, seen = total + len(those), seen + len(those) - len(unnoticed)
        print(f"{place:24} {share(len(those) - len(unnoticed), len(those))}", flush=True)
        yield from unnoticed
    print(f"{'in all':24} {share(seen, total)}")


def main() -> None:
    """Parse, try, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modules", nargs="+", default=LAW)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--more", nargs="+", default=[])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    groups = drawn(mutants(args.modules), args.sample, args.seed)
    if args.list:
        print("\n".join(mutant.told() for those in groups.values() for mutant in those))
        return
    _adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else the copy would stay
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        unnoticed = list(tried(groups, Trial(Copy(Path(folder)), args.out, args.more)))
    print("\nnot noticed:" if unnoticed else "")
    print("\n".join(mutant.told() for mutant in unnoticed))


if __name__ == "__main__":
    main()
