"""A run prepares its defense first, commits to a key before the attack starts, and names both in its record."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from defense_factory import submission

import gexbench
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.sandbox.rules import support
from gexbench.errors import OutputError, RunFailed
from gexbench.record import RunRecord, read_record

CHEATS = Path(__file__).resolve().parents[2] / "cheats"
sandboxed = pytest.mark.skipif(support().landlock_abi < 1, reason="this system has no Landlock")
Run = Callable[..., RunRecord]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared-runs")


@pytest.fixture(scope="module")
def run(base: Path) -> Run:
    """Run an attack that looks for the key against the toy defense; `tick`: told the progress."""
    toy = submission(base / "trained")

    def against(out: str, isolation: str = "none", tick: Callable[[str], object] = str, **options: object) -> RunRecord:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GEXBENCH_HOME", str(base / "home"))
            return gexbench.run(
                "cheat/quick", "cheat/keyhole", options={"home": str(base / "home")},
                defense=toy, defense_options={"steps": 3, **options}, budget="8",
                registry=(CHEATS,), out=base / out, isolation=isolation, progress=lambda what, done, total: tick(what),
            )  # fmt: skip

    return against


@pytest.fixture(scope="module")
def record(run: Run, base: Path) -> RunRecord:
    """A run in processes of its own, whose preparation is the first of the module."""
    seen: list[str] = []

    def look(what: str) -> None:
        if what == "asking the victim":
            assert list(base.glob("one/*/key.sha256"))
            assert list(base.glob("home/prepared/*/passport.json"))
        seen.append(what)

    made = run("one", "auto", look)
    assert "colour" in seen
    assert "asking the victim" in seen
    return made


def folder(base: Path, out: str) -> Path:
    return next(base.glob(f"{out}/*/plan.json")).parent


def test_a_run_prepares_first_and_names_the_file_and_the_seconds_it_took(record: RunRecord, base: Path) -> None:
    assert (record.status, record.reason) == ("ok", "")
    kept = next(base.glob("home/prepared/*/prepared.safetensors")).read_bytes()
    assert record.prepared_sha256 == hashlib.sha256(kept).hexdigest()
    assert record.seconds["prepare-defense"] > 0
    assert record.honest_cost[0].value < 60


def test_the_key_is_the_runs_own_and_its_hash_stands_in_record_and_folder(record: RunRecord, base: Path) -> None:
    file = folder(base, "one") / "service" / "key"
    assert len(file.read_bytes()) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert record.key_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (folder(base, "one") / "key.sha256").read_text().strip() == record.key_sha256


@sandboxed
def test_an_attack_reads_neither_key_nor_what_was_prepared(record: RunRecord) -> None:
    assert len(record.attack_report) == 6
    assert {str(found).partition(":")[0] for found in record.attack_report.values()} == {"refused"}
    assert any("service/key" in incident for incident in record.incidents)


def test_a_second_run_finds_what_was_prepared_and_draws_another_key(run: Run, record: RunRecord) -> None:
    seen: list[str] = []
    first, again = run("two", tick=seen.append), run("three", tick=seen.append)
    assert seen.count("colour") == 3
    assert again.prepared_sha256 == first.prepared_sha256 == record.prepared_sha256
    assert again.seconds["prepare-defense"] == first.seconds["prepare-defense"]
    assert again.key_sha256 != first.key_sha256


@pytest.mark.parametrize(
    ("way", "isolation", "told"),
    [
        ("dies", "auto", "ended early: its process exited with code 3 before it had returned its tensors"),
        ("raises", "none", "raised ZeroDivisionError: integer division or modulo by zero"),
    ],
)
def test_a_preparation_that_fails_is_a_failed_run_that_names_it(
    run: Run, base: Path, way: str, isolation: str, told: str
) -> None:
    failed = run(f"{way}-{isolation}", isolation, way=way)
    assert (failed.status, failed.reason) == ("failed", f"prepare of the defense 'toy/trained' {told}")
    assert (failed.account.asked, failed.account.budget, failed.prepared_sha256) == (0, 8, None)
    assert read_record(folder(base, f"{way}-{isolation}") / "record.json") == failed


def test_a_card_that_hides_its_prepare_is_refused_in_one_line(base: Path) -> None:
    toy = submission(base / "hiding")
    card = (toy / "card.toml").read_text().replace("prepares = true", "prepares = false")
    (toy / "card.toml").write_text(card)
    with pytest.raises(RunFailed, match="has a prepare, and its card does not say prepares = true"):
        gexbench.run(
            "cheat/quick", "cheat/asker", defense=toy, budget="8", registry=(CHEATS,), out=base / "h", isolation="none"
        )


def test_a_key_is_drawn_once_for_a_folder(tmp_path: Path) -> None:
    key = RunFolder(tmp_path / "run").key()
    assert RunFolder(tmp_path / "run").key() == key
    assert RunFolder(tmp_path / "other").key() != key


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda file: file.write_bytes(b"k" * 31), "holds 31 bytes, and a key has 32"),
        (lambda file: file.write_bytes(b"k" * 32), "is not the key whose hash"),
        (lambda file: file.unlink(), "is gone"),
        (lambda file: (file.unlink(), file.mkdir()), "cannot be read"),
    ],
    ids=["short", "another", "gone", "folder"],
)
def test_a_key_that_is_not_the_committed_one_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], told: str
) -> None:
    made = RunFolder(tmp_path / "run")
    made.key()
    spoil(tmp_path / "run" / "service" / "key")
    with pytest.raises(OutputError, match=told):
        made.key()


def test_a_run_whose_key_was_written_and_not_its_hash_goes_on(tmp_path: Path) -> None:
    made = RunFolder(tmp_path / "run")
    key = made.key()
    (tmp_path / "run" / "key.sha256").unlink()
    assert made.key() == key
    assert (tmp_path / "run" / "key.sha256").exists()
