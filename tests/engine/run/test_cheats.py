"""Attacks that cheat are stopped, named in the record, and leave no damage."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torch
from PIL import Image

from gexbench.cards.roots import packaged_root
from gexbench.core.images import downscale_8bit, from_uint8, to_uint8
from gexbench.engine.run import clock
from gexbench.engine.sandbox.rules import support
from gexbench.record import Nearness, RunRecord, read_record

from ..processes import HANG

CHEATS = Path(__file__).resolve().parents[2] / "cheats"
BUDGET = 8
NEAR = "asked about {} of the 128 images of test {}, or near copies of them: nearest distance {}, threshold 1"
Run = Callable[..., RunRecord]

sandboxed = pytest.mark.skipif(support().landlock_abi < 1, reason="this system has no Landlock")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GEXBENCH_HOME with something worth stealing in it."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "assets").mkdir()
    (folder / "assets" / "secret.safetensors").write_bytes(b"secret")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Run:
    """Run a cheat by name with options; the run folders are kept for a look."""
    import gexbench

    def run_cheat(name: str, deadline: float | None = None, task: str = "sr", **options: str) -> RunRecord:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GEXBENCH_HOME", str(home))
            return gexbench.run(
                task, f"cheat/{name}", out=tmp_path_factory.getbasetemp() / "runs", options=options, budget=str(BUDGET),
                registry=(CHEATS,), deadline=deadline,
            )  # fmt: skip

    return run_cheat


@pytest.fixture(scope="module")
def burglary(run: Run, home: Path, tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """One run that tries every door."""
    runs = tmp_path_factory.getbasetemp() / "runs"
    earlier = runs / "an-earlier-run"
    earlier.mkdir(parents=True)
    (earlier / "record.json").write_text("{}")
    photo = Path(sklearn.datasets.__file__).parent / "images" / "china.jpg"
    return run(
        "burglar",
        weights=str(next((packaged_root().path / "weights").glob("*.safetensors"))),
        cache=str(home / "assets" / "secret.safetensors"),
        test_image=str(photo),
        ledger=str(earlier.parent / "an-earlier-run" / "record.json"),
        record=str(earlier / "record.json"),
        data=str(home),
        outside=str(tmp_path_factory.getbasetemp() / "outside.txt"),
        bench=str(os.getpid()),
    )


DOORS = (
    *(f"read {what}" for what in ("weights", "cache", "test_image", "ledger", "record", "data")),
    *(f"write {what}" for what in ("ledger", "record", "outside")),
    *(f"proc {what}" for what in ("mem", "environ", "maps", "fd/0", "root/etc/passwd", "1")),
    *("kill bench", "tcp", "udp"),
)


@sandboxed
@pytest.mark.parametrize("door", DOORS)
def test_a_door_stays_shut(burglary: RunRecord, door: str) -> None:
    assert str(burglary.attack_report[door]).startswith("refused"), burglary.attack_report


@sandboxed
@pytest.mark.parametrize(
    "deed", ["/weights/", "secret.safetensors", "china.jpg", "record.json", "outside.txt", "network socket", "/proc/"]
)
def test_an_attempt_is_named_in_the_record(burglary: RunRecord, deed: str) -> None:
    assert any(deed in incident for incident in burglary.incidents), burglary.incidents


@sandboxed
def test_a_burglar_changes_nothing(burglary: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    assert (base / "runs" / "an-earlier-run" / "record.json").read_text() == "{}"
    assert not (base / "outside.txt").exists()


def test_a_glutton_gets_its_budget_and_no_more(run: Run) -> None:
    record = run("glutton")
    assert record.account.answered == BUDGET
    assert record.attack_report["answered"] == BUDGET
    assert "goes over the budget" in str(record.attack_report["one batch"])
    assert record.account.refused >= BUDGET + 1
    assert record.attack_report["child asked"] == 0


def test_questions_about_test_images_are_named_in_the_record(run: Run) -> None:
    record = run("peeker", task="monet2photo")
    assert (record.status, record.account.answered) == ("ok", BUDGET)
    assert record.incidents == (NEAR.format(3, "scenes", 0),)
    assert record.nearness["scenes"] == Nearness(distance=0, questions=3, images=3)
    assert record.nearness["close"].questions == 0


@pytest.mark.parametrize("way", ["pixel", "jpeg", "quarter"])
def test_test_images_changed_a_little_are_named_in_the_record(run: Run, way: str) -> None:
    record = run("forger", task="monet2photo", way=way)
    assert (record.status, record.account.answered) == ("ok", BUDGET)
    assert (record.nearness["scenes"].questions, record.nearness["scenes"].images) == (3, 3)
    assert record.nearness["close"].questions == 0
    assert [text.startswith("asked about 3 of the 128 images of test scenes") for text in record.incidents] == [True]


def test_a_piece_of_a_test_photo_is_named_in_the_record(run: Run) -> None:
    record = run("tiler", piece=piece_of_a_test_photo().hex())
    assert (record.nearness["photos"].questions, record.nearness["photos"].images) == (1, 1)
    assert len(record.incidents) == 1


def piece_of_a_test_photo() -> bytes:
    photo = Image.open(Path(sklearn.datasets.__file__).parent / "images" / "china.jpg").convert("RGB")
    truth = from_uint8(torch.from_numpy(np.array(photo)).permute(2, 0, 1)[:, :424])
    piece = to_uint8(downscale_8bit(truth, 4)[:, 41:65, 70:94])
    return bytes(piece.contiguous().numpy().tobytes())


def test_a_question_of_more_pixels_than_the_pool_has_is_refused_and_costs_nothing(run: Run) -> None:
    record = run("mosaicist")
    assert (record.account.answered, record.account.refused) == (1, 3)
    for shape, size in {"mosaic": "528x528", "row": "528x24", "strip": "72x8"}.items():
        assert f"images of {size} px; the service takes up to 576 pixels" in str(record.attack_report[shape])


def test_a_surrogate_that_asks_after_the_end_is_refused(run: Run) -> None:
    record = run("latecomer")
    assert record.status == "failed"
    assert "the oracle has closed" in record.reason
    assert record.account.answered == 0


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("shape", "returned shape"),
        ("nan", "NaN"),
        ("range", "outside \\[0,1\\]"),
        ("type", "returned str"),
        ("raises", "raised"),
    ],
)
def test_a_broken_surrogate_fails_with_the_reason(run: Run, way: str, reason: str) -> None:
    record = run("mistake", way=way)
    assert record.status == "failed"
    assert not record.scores
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(record.reason)


def test_what_a_surrogate_was_shown_reaches_no_second_attempt(run: Run) -> None:
    first, second = run("hoarder"), run("hoarder")
    assert (first.status, second.status) == ("failed", "failed")
    assert first.attack_report == {"kept": 0, "asked": "answered"}
    assert (second.attack_report["kept"], second.account.answered) == (0, first.account.answered)
    assert second.account.sessions == 2


@pytest.mark.parametrize("way", ["exit", "object"])
def test_a_pickle_in_place_of_weights_is_never_opened(run: Run, way: str, tmp_path: Path) -> None:
    record = run("trojan", way=way, outside=str(tmp_path / "executed"))
    assert record.status == "failed"
    assert not (tmp_path / "executed").exists()
    assert record.surrogate_sha256 is None


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("crashes", "ended by signal 11"),
        ("exits", "exited with code 0 before"),
        ("sys.exit", "SystemExit"),
        ("raises", "ZeroDivisionError"),
        ("garbage", "frame"),
    ],
)
def test_an_attack_that_ends_early_fails_with_the_reason(
    run: Run, way: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "ENDED_WITHIN", HANG)
    record = run("ending", way=way)
    assert record.status == "failed"
    assert reason in record.reason


def test_an_attack_that_hangs_is_ended_at_its_deadline(run: Run) -> None:
    record = run("ending", way="hangs", deadline=2.0)
    assert record.status == "failed"
    assert "still running after 2 s" in record.reason
    assert not record.scores


@sandboxed
def test_a_child_left_behind_is_killed_and_named(
    run: Run, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "STOPPED_WITHIN", HANG)
    record = run("parent")
    assert any("left 1 process" in incident for incident in record.incidents)
    pid_file = next((tmp_path_factory.getbasetemp() / "runs").glob("*cheat.parent*/attacker/*/child.pid"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_patches_stay_in_the_attacks_process_and_are_named(run: Run) -> None:
    record = run("patcher")
    honest = run("glutton")
    assert record.score("psnr-y", "C") == honest.score("psnr-y", "C")
    assert any("gexbench.core.images.round_8bit was replaced" in incident for incident in record.incidents)
    assert any("MeteredOracle" in incident for incident in record.incidents)


def test_a_failed_run_leaves_a_sealed_record(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    run("mistake", way="nan")
    path = next((tmp_path_factory.getbasetemp() / "runs").glob("*cheat.mistake*/record.json"))
    assert read_record(path).status == "failed"
