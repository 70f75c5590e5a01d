"""Other suspects are judged as a defended run judged its own surrogate; what does not fit is one clear line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import gexbench
from gexbench import claims
from gexbench.cli.app import app
from gexbench.core.images import read_image, to_uint8
from gexbench.engine.run.retrial import exhibits_of
from gexbench.engine.wire.image_file import store_images
from gexbench.errors import DataMissing, GexbenchError, PlanError
from gexbench.record import read_record

CHEATS = Path(__file__).resolve().parents[2] / "cheats"


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEXBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def folder(runs: Path, attack: str, defense: str | None) -> Path:
    record = gexbench.run(
        "cheat/quick", attack, out=runs, isolation="none", registry=(CHEATS,), defense=defense and f"cheat/{defense}"
    )
    return runs / record.plan.run_name


@pytest.fixture(scope="module")
def defended(runs: Path) -> Path:
    return folder(runs, "cheat/thief", "reddener")


@pytest.fixture(scope="module")
def honest(runs: Path) -> Path:
    return folder(runs, "bicubic", None)


def answers(defended: Path, to: Path, shift: tuple[int, int, int]) -> Path:
    """Write what the victim answers to the questions, shifted in its colours, as PNGs of their names."""
    from PIL import Image

    claims.questions(defended, to / "questions")
    plain = exhibits_of(defended, read_record(defended / "record.json")).plain
    for question, y in zip(sorted((to / "questions").iterdir()), plain, strict=True):
        image = (y.int() + torch.tensor(shift)[:, None, None]).clamp(0, 255).to(torch.uint8)
        Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).save(to / question.name)
    for question in (to / "questions").iterdir():
        question.unlink()
    (to / "questions").rmdir()
    return to


def judged(defended: Path, suspect: Path, **others: Any) -> Any:
    return claims.ownership(defended, suspect, registry=(CHEATS,), **others)


def test_the_runs_own_surrogate_is_judged_as_it_was(defended: Path) -> None:
    told = judged(defended, defended).model_copy(update={"evidence_sha256": None})
    before = read_record(defended / "record.json").ownership
    assert before is not None
    assert told == before.model_copy(update={"evidence_sha256": None})
    assert told.detected
    exhibits_of(defended, read_record(defended / "record.json"))  # is as it was


def test_another_runs_surrogate_is_asked_the_same(defended: Path, honest: Path) -> None:
    told = judged(defended, honest, defense="cheat/reddener")
    assert not told.detected
    assert (told.outputs, told.asked) == (6, 2)


def test_a_users_images_are_judged_by_their_names(defended: Path, tmp_path: Path) -> None:
    assert judged(defended, answers(defended, tmp_path / "red", (24, 0, 0))).detected
    assert not judged(defended, answers(defended, tmp_path / "blue", (0, 0, 24))).detected


def test_questions_are_written_as_they_were_asked(defended: Path, tmp_path: Path) -> None:
    assert claims.questions(defended, tmp_path) == 6
    inputs = exhibits_of(defended, read_record(defended / "record.json")).inputs
    written = [to_uint8(read_image(path)) for path in sorted(tmp_path.iterdir())]
    assert all(torch.equal(a, b) for a, b in zip(written, inputs, strict=True))


def test_a_folder_that_lacks_an_answer_is_refused(defended: Path, tmp_path: Path) -> None:
    answers(defended, tmp_path, (0, 0, 0))
    (tmp_path / "0003.png").unlink()
    with pytest.raises(PlanError, match="0003"):
        judged(defended, tmp_path)


def test_a_suspect_of_another_shape_is_refused(defended: Path, tmp_path: Path) -> None:
    from PIL import Image

    answers(defended, tmp_path, (0, 0, 0))
    Image.new("RGB", (20, 10)).save(tmp_path / "0002.png")
    with pytest.raises(PlanError, match="image 2 is of 20x10 px, and the victim's is of "):
        judged(defended, tmp_path)


def test_a_run_without_that_defense_is_refused(defended: Path, honest: Path) -> None:
    with pytest.raises(PlanError, match="was against no defense"):
        judged(honest, honest)
    with pytest.raises(PlanError, match="was against 'cheat/reddener', not 'cheat/accuser'"):
        judged(defended, honest, defense="cheat/accuser")


def test_a_trial_that_was_altered_is_refused(defended: Path) -> None:
    file = defended / "trial" / "suspect.safetensors"
    before = file.read_bytes()
    store_images(file, [torch.zeros(3, 8, 8)])
    try:
        with pytest.raises(DataMissing, match="does not hold what the record in"):
            judged(defended, defended)
    finally:
        file.write_bytes(before)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"k" * 31, "holds 31 bytes, and a key has 32"),
        (b"k" * 32, "is not the key whose hash"),
        (None, "the key of the run in .* is not there"),
    ],
)
def test_a_key_that_is_not_the_runs_is_refused(content: bytes | None, told: str, defended: Path) -> None:
    file = defended / "service" / "key"
    before = file.read_bytes()
    file.unlink() if content is None else file.write_bytes(content)
    try:
        with pytest.raises(GexbenchError, match=told):
            judged(defended, defended)
        assert file.is_file() or content is None
    finally:
        file.write_bytes(before)


def test_the_command_prints_scores_and_a_verdict(defended: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ownership", "--run", str(defended), "--suspect", str(defended), "--registry", str(CHEATS)]
    app(words, standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("suspect   score 0.9")
    assert lines[-1] == "verdict   DETECTED"
    app([*words, "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["detected"] is True


def test_the_command_asks_for_a_suspect(defended: Path) -> None:
    with pytest.raises(GexbenchError, match="--suspect is missing"):
        app(["ownership", "--run", str(defended)], standalone_mode=False)
