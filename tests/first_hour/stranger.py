"""A stranger's first hour: a fresh environment with a wheel, another folder, every command of README and docs in order.

    python tests/first_hour/stranger.py

The environment is a new one of `venv` and holds the wheel alone. What gexbench needs is not installed again: a .pth
file names the packages of the Python that runs this script, behind its own, so that its own gexbench comes first.
The folder holds what a reader has beside: the repository's submissions, a few images, and its leaderboards from the
first command on that names a file of them; until then the published records are those that ship in the wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doc_commands import ROOT, commands, in_order

from first_hour.skipped import ENDS, SKIPPED

LONGEST = 600.0
PACKAGES = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Done:
    """A command that was given: the page it stands on, its exit code, its seconds, and what it printed last."""

    page: str
    text: str
    code: int
    seconds: float
    told: str

    @property
    def well(self) -> bool:
        """Return whether it ended as the page says."""
        return self.code == ENDS.get(self.text, 0)


def built(folder: Path) -> Path:
    """Build a wheel of the project, without a network, and return it."""
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    _checked(words)
    return next(folder.glob("*.whl"))


def fresh_environment(folder: Path, wheel: Path) -> Path:
    """Make an environment that holds the wheel and sees the packages of this Python behind it; return its commands."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    _checked([sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)])
    own = next((folder / "lib").glob("python*/site-packages"))
    packages = [entry for entry in sys.path if Path(entry).name in PACKAGES]
    (own / "packages_of_the_outer_python.pth").write_text("\n".join(packages), encoding="utf-8")
    place = [str(python), "-c", "import gexbench; print(gexbench.__file__)"]
    found = subprocess.run(place, capture_output=True, text=True, check=True, env=_environment(folder), cwd=folder)
    assert found.stdout.startswith(str(own)), f"not the wheel's gexbench: {found.stdout}"
    return python.parent


def furnish(folder: Path) -> None:
    """Put what a reader has into a folder: the example, images in pairs."""
    from PIL import Image

    shutil.copytree(ROOT / "submissions", folder / "submissions")
    for side, ending in (("out", "_fake_B"), ("truth", "_real_B")):
        (folder / side).mkdir()
        for number in range(3):
            image = Image.effect_noise((32, 32), 40 + number + len(side))
            image.convert("RGB").save(folder / side / f"{number}{ending}.png")


def hour(folder: Path, binaries: Path) -> Iterator[Done]:
    """Give each command once, in order, in a shell."""
    given: set[str] = set(SKIPPED)
    for page in in_order():
        for command in commands(page):
            if command.text not in given:
                given.add(command.text)
                yield _done(command.page, command.text, folder, binaries)


def _done(page: str, text: str, folder: Path, binaries: Path) -> Done:
    if "leaderboards/" in text and not (folder / "leaderboards").exists():
        shutil.copytree(ROOT / "leaderboards", folder / "leaderboards")
    start = time.perf_counter()
    shell = ["bash", "-c", text.replace("…", "*")]
    ended = subprocess.run(
        shell, capture_output=True, text=True, cwd=folder, env=_environment(binaries.parent), timeout=LONGEST
    )
    return Done(page, text, ended.returncode, time.perf_counter() - start, (ended.stdout + ended.stderr)[-2000:])


def _environment(environment: Path) -> dict[str, str]:
    """Return this process's variables, less what leads Python and gexbench elsewhere, with a home of the stranger's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "GEXBENCH", "VIRTUAL"))}
    path = f"{environment / 'bin'}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(environment), "GEXBENCH_HOME": str(environment.parent / "home")}


def _checked(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def spent(place: Path) -> Iterator[Done]:
    """Go through the first hour below `place`, which is empty."""
    start = time.perf_counter()
    binaries = fresh_environment(place / "environment", built(place / "dist"))
    yield Done("", "build a wheel, make an environment", 0, time.perf_counter() - start, "")
    folder = place / "elsewhere"
    folder.mkdir()
    furnish(folder)
    yield from hour(folder, binaries)


def main() -> int:
    """Print what each command took, what went wrong, and the total; return 1 where anything went wrong."""
    wrong, total = 0, 0.0
    with TemporaryDirectory(prefix="gexbench-first-hour-") as place:
        for done in spent(Path(place)):
            total += done.seconds
            print(f"{done.seconds:6.1f} s  {done.page:22} {done.text}", flush=True)
            if not done.well:
                wrong += 1
                print(f"exit code {done.code}\n{done.told}", flush=True)
    print(f"{total:6.1f} s in all; {wrong} went wrong; {len(SKIPPED)} left out, see first_hour/skipped.py")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
