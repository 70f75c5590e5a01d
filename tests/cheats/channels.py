"""Attacks that stretch their time, leave something for another run, or take more of the machine than is theirs."""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from pathlib import Path

import torch
from cheats import Nearest

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.engine.wire import frames


class Dripper:
    """Hands its surrogate back nine bytes at a time, with a pause before each; ever on."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        def drip(self: frames.Channel, frame: frames.Frame, wait: frames.Wait | None = None) -> None:
            told = frames.encode(frame)
            for start in range(0, len(told), 9):
                self.end.sendall(told[start : start + 9])
                time.sleep(600)

        frames.Channel.send = drip  # type: ignore[method-assign]
        return Nearest(brief.scale)


class Snail:
    """Takes its time in each attempt and fails, so that the next has as much again."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        time.sleep(float(brief.options["seconds"]))
        raise RuntimeError("once more")


class Reader:
    """Says what it sees of the run whose files its options name, and leaves something for the next."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        (brief.workdir / "message").write_bytes(b"x" * 1234)
        other = Path(str(brief.options["other"]))
        self.report["code"] = str(Path(__file__).parent)
        self.report["names"] = self._try(lambda: ",".join(os.listdir(other / "attacker")))
        self.report["size"] = self._try(lambda: str((other / "attacker" / "message").stat().st_size))
        self.report["writes code"] = self._try(lambda: str(Path(__file__).write_text("")))
        return Nearest(brief.scale)

    @staticmethod
    def _try(deed) -> str:  # type: ignore[no-untyped-def]
        try:
            return deed()  # type: ignore[no-any-return]
        except OSError as error:
            return type(error).__name__


class Surveyor:
    """Asks for the sizes of another run's files, whose names can be guessed, by every path it can think of."""

    def __init__(self) -> None:
        self.report: dict[str, int | str] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        other = str(brief.options["other"])
        ways = {
            "path": other,
            "up and down": os.path.relpath(other),
            "bench": f"/proc/{os.getppid()}/root{other}",
            "first process": f"/proc/1/root{other}",
            "own root": f"/proc/self/root{other}",
            "own folder": "/proc/self/cwd/" + os.path.relpath(other),
        }
        files = ("log.txt", "record.json", "service/ledger.sqlite", "surrogate/model.safetensors", "")
        for name, place in ((f"{file} by {way}", f"{path}/{file}") for file in files for way, path in ways.items()):
            self.report[name] = Reader._try(functools.partial(self._size, place))
        return Nearest(brief.scale)

    @staticmethod
    def _size(place: str) -> str:
        return str(os.stat(place).st_size)


class Lingerer:
    """Does not end when it is told to, and has left a child beside it."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        if os.fork() == 0:
            os.setsid()
            for fd in range(3, 64):
                try:
                    os.close(fd)
                except OSError:
                    continue
            time.sleep(600)
            os._exit(0)
        threading.Thread(target=time.sleep, args=(600,)).start()  # Python waits for it before it ends
        return Nearest(brief.scale)


class Babbler:
    """Asks what it knows to be refused, replays what it has, and shows progress, all of it a thousand times."""

    def extract(self, oracle: Oracle, brief: Brief) -> Nearest:
        known = brief.pool[0][None]
        oracle.query(known)
        for number in range(300):
            brief.progress(f"stage {number}", 10**30, 10**300)
            oracle.query(known)
            try:
                oracle.query(torch.zeros(1, 3, 7, 8 + number))
            except Exception:  # refused, as it should be
                continue
        sys.stdout.flush()
        return Nearest(brief.scale)
