"""Small programs that run under `launch`, and what came of them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import pytest

from gexbench.engine.sandbox import launch as launching
from gexbench.engine.sandbox.launch import Child, Exit, Job, launch
from gexbench.engine.sandbox.rules import interpreter_rules, support

from ..processes import HANG

FOUND = support()
needs_sandbox = pytest.mark.skipif(
    not (FOUND.landlock_abi and FOUND.seccomp), reason=f"the system offers only {FOUND}: no Landlock or no seccomp"
)
needs_view = pytest.mark.skipif(
    not (FOUND.view and FOUND.landlock_abi and FOUND.seccomp),
    reason=f"the system offers only {FOUND}: no view",
)


ATTEMPT = """
import ctypes, errno, os, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, act):
    try:
        result = act()
    except OSError as error:
        print(name, "refused", errno.errorcode[error.errno])
    else:
        print(name, "DONE", repr(result)[:60])

def call(function, *arguments):
    result = getattr(libc, function)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result
"""


@dataclass(frozen=True)
class Confine:
    """How to confine a program: paths to keep from it or let it read, descriptors to give it, or no sandbox."""

    private: tuple[Path, ...] = ()
    read: tuple[Path, ...] = ()
    fds: tuple[int, ...] = ()
    sandbox: bool = FOUND.landlock_abi > 0


@dataclass(frozen=True)
class Probe:
    """A scratch folder: code/ is readable for the child, work/ is its own, the rest is not its business.

    supervisor: the program of the supervisor that watches the child.
    """

    root: Path
    supervisor: str = launching._SUPERVISOR

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def work(self) -> Path:
        return self.root / "work"

    def start(self, program: str, argv: Sequence[object] = (), confine: Confine | None = None) -> Child:
        self.code.mkdir(exist_ok=True)
        (self.code / "program.py").write_text(textwrap.dedent(program))
        wanted = confine or Confine()
        rules = interpreter_rules(wanted.private, [self.code], "cpu") if wanted.sandbox else None
        rules = replace(rules, read=(*rules.read, *wanted.read)) if rules else None
        env = {"PYTHONPATH": str(self.code), "OMP_NUM_THREADS": "1"}
        job = Job("program", tuple(map(str, argv)), wanted.fds, self.work, self.root / "log", rules, env)
        with patch.object(launching, "_SUPERVISOR", self.supervisor):
            return launch(job)

    def run(self, program: str, argv: Sequence[object] = (), confine: Confine | None = None) -> tuple[Exit, str]:
        with self.start(program, argv, confine) as child:
            end = child.wait(HANG)
        assert end is not None
        return end, (self.root / "log").read_text()


def outcomes(log: str) -> dict[str, str]:
    return {line.split()[0]: line.split()[1] for line in log.splitlines() if line}


def attempt(probe: Probe, body: str, *argv: object, confine: Confine | None = None) -> dict[str, str]:
    """Run a program of attempts (or other printed pairs of words); returns what was said of each."""
    end, log = probe.run(ATTEMPT + textwrap.dedent(body), argv, confine)
    assert end.code == 0, log
    return outcomes(log)
