"""From a folder of images to a board: cards that `gexbench new` writes, and what it refuses."""

from __future__ import annotations

import re
import shlex
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer
from own_images import fill
from typer.testing import CliRunner

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import DatasetCard, TaskCard
from gexbench.cli.app import app
from gexbench.errors import GexbenchError
from gexbench.record import read_record

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "your-own-data.md"
RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty folder that commands run in."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GEXBENCH_DATA", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def gexbench(*words: str) -> str:
    result = RUNNER.invoke(app, list(words))
    if isinstance(result.exception, GexbenchError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words: str) -> str:
    """Return the one line with which a command is refused, and its hint."""
    with pytest.raises(GexbenchError) as caught:
        gexbench(*words)
    assert "\n" not in str(caught.value)
    assert not list(Path().glob("cards/**/*.*")), "something was written"
    return f"{caught.value} | {caught.value.hint}"


def unpaired(place: Path, photos: int = 24) -> Path:
    fill(place / "pictures/photo", photos)
    fill(place / "pictures/style", 6, ending=".jpg")
    return place / "pictures"


def own(kind: type[DatasetCard | TaskCard], name: str) -> DatasetCard | TaskCard:
    return Catalog.load([Path("cards")]).get(kind, name)


def guide() -> list[list[str]]:
    blocks = re.findall(r"^```console\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


def test_the_guide_goes_from_a_folder_of_images_to_a_board_as_it_is_written(place: Path) -> None:
    unpaired(place)
    for side in ("blur", "sharp"):
        fill(place / "pairs" / side, 12)
    with zipfile.ZipFile("photos.zip", "w") as archive:
        for path in sorted(fill(place / "loose", 12, 112).iterdir()):
            archive.write(path, path.name)
    told = ""
    for words in guide():
        some = [each for word in words for each in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
        told = gexbench(*("steps=2" if word == "steps=500" else word for word in some))
        if words[:2] == ["board", "show"]:
            assert "pix2pix" in told
            assert "identity" in told
    page = Path("boards/me/paint/README.md").read_text()
    assert "identity" in page
    assert "The test images are files of whoever ran it" in page
    assert {path.name for path in Path("cards/datasets").glob("*.toml")} == {"photos.toml", "deblur.toml", "large.toml"}


@pytest.mark.parametrize("zipped", [False, True])
def test_folders_and_zips_give_the_same_images(place: Path, zipped: bool) -> None:
    source = unpaired(place)
    if zipped:
        with zipfile.ZipFile("pictures.zip", "w") as archive:
            for path in sorted(source.rglob("*.*")):
                archive.write(path, path.relative_to(source).as_posix())
                path.unlink()
        source = place / "pictures.zip"
    told = gexbench("new", "dataset", "me/photos", "--layout", "unpaired", "--from", str(source))
    assert "pool 17, reference 6, test/mine 7" in told
    assert "me/photos: complete" in gexbench("data", "verify", "me/photos", "--registry", "cards")


def test_a_task_on_pairs_has_their_scale_and_a_truth_for_each(place: Path) -> None:
    fill(place / "p/input", 12, 16)
    fill(place / "p/target", 12, 64)
    gexbench("new", "dataset", "me/p", "--layout", "paired", "--from", "p", "--scale", "4", "--side", "16")
    gexbench("new", "task", "me/up", "--dataset", "me/p")
    task = own(TaskCard, "me/up")
    assert isinstance(task, TaskCard)
    assert (task.truth, task.scale, task.profile["mini"].side) == ("pairs", 4, 16)
    assert task.profile["mini"].victim == "srgan-mini"


def test_a_run_on_pairs_from_a_zip_measures_against_their_targets(place: Path) -> None:
    fill(place / "p/input", 12, 16, name="{:03}_in")
    fill(place / "p/target", 12, 64, name="{:03}_gt", ending=".jpg")
    with zipfile.ZipFile("pairs.zip", "w") as archive:
        for path in sorted((place / "p").rglob("*.*")):
            archive.write(path, path.relative_to(place / "p").as_posix())
    pairs = ("--layout", "paired", "--from", "pairs.zip", "--strip", "_in,_gt", "--scale", "4", "--side", "16")
    gexbench("new", "dataset", "me/p", *pairs)
    gexbench("new", "task", "me/up", "--dataset", "me/p")
    gexbench("run", "--registry", "cards", "--task", "me/up", "--attack", "bicubic")
    (file,) = Path("runs").glob("*/record.json")
    record = read_record(file)
    assert record.status == "ok"
    assert {score.compare for score in record.scores} == {"A", "B", "C"}
    assert not record.incidents


def test_a_task_on_crops_says_how_large_its_questions_are(place: Path) -> None:
    fill(place / "p", 12, 112)
    gexbench("new", "dataset", "me/p", "--from", "p", "--scale", "4")
    gexbench("new", "task", "me/up", "--dataset", "me/p")
    task = own(TaskCard, "me/up")
    assert isinstance(task, TaskCard)
    assert task.profile["mini"].largest == 24 * 24
    assert task.profile["mini"].budgets == (128, 256, 512)


def test_a_task_works_without_data_of_ones_own() -> None:
    gexbench("new", "task", "me/mine")
    gexbench("new", "board", "me/mine")
    assert "scenes-mini" in Path("cards/tasks/mine.toml").read_text()


def test_a_folder_beside_the_cards_is_named_by_its_path_from_them_so_both_can_be_moved(place: Path) -> None:
    unpaired(place)
    gexbench("new", "dataset", "me/photos", "--layout", "unpaired", "--from", "pictures")
    card = own(DatasetCard, "me/photos")
    assert isinstance(card, DatasetCard)
    assert card.folder == "../../pictures"


def test_another_picture_shows_when_it_is_pinned_and_moves_no_other(place: Path) -> None:
    unpaired(place)
    gexbench("new", "dataset", "me/photos", "--layout", "unpaired", "--from", "pictures")
    before = Path("cards/datasets/photos.sha256").read_text().splitlines()
    fill(place / "pictures/photo", 25)
    assert "wrote" in gexbench("data", "pin", "me/photos", "--registry", "cards")
    assert set(before) < set(Path("cards/datasets/photos.sha256").read_text().splitlines())


NEW = ("new", "dataset", "me/x", "--from", "pictures", "--layout")


def test_an_empty_folder_is_refused(place: Path) -> None:
    (place / "pictures").mkdir()
    assert "pictures holds no images" in refused(*NEW, "one")


def test_a_folder_that_is_not_there_is_refused() -> None:
    assert "no folder or zip at pictures" in refused(*NEW, "one")


def test_names_without_partners_are_told_with_counts(place: Path) -> None:
    fill(place / "pictures/input", 9)
    fill(place / "pictures/target", 5)
    told = refused(*NEW, "paired")
    assert "the targets lack '005', '006', '007' and 1 more; 5 of 9 inputs and 5 targets pair" in told


def test_two_files_of_one_name_are_refused(place: Path) -> None:
    fill(place / "pictures/input", 4)
    fill(place / "pictures/input", 1, ending=".jpg")
    fill(place / "pictures/target", 4)
    assert "'000.png' and '000.jpg' differ in the ending alone" in refused(*NEW, "paired").replace(
        "'000.jpg' and '000.png'", "'000.png' and '000.jpg'"
    )


def test_a_split_that_would_be_empty_is_refused(place: Path) -> None:
    fill(place / "pictures", 1)
    assert re.search(r"the share 0\.\d leaves (pool|test/mine) none of 1 file", refused(*NEW, "one"))


def test_a_web_page_in_place_of_a_picture_is_called_so(place: Path) -> None:
    fill(place / "pictures", 24)
    (place / "pictures/003.png").write_text("<!DOCTYPE html><html><body>Sign in</body></html>")
    assert "003.png" in (told := refused(*NEW, "one"))
    assert "a web page (HTML)" in told


def test_a_picture_that_cannot_be_read_is_named(place: Path) -> None:
    fill(place / "pictures", 24)
    whole = (place / "pictures/003.png").read_bytes()
    (place / "pictures/003.png").write_bytes(whole[: len(whole) // 2])
    assert "cannot decode the image 003.png" in refused(*NEW, "one")


def test_images_that_are_too_small_are_named(place: Path) -> None:
    fill(place / "pictures", 24, 32)
    assert re.search(r"\d+\.png is 32x32 pixels, below the 64x64", refused(*NEW, "one"))


def test_a_target_of_another_size_is_named(place: Path) -> None:
    fill(place / "pictures/input", 12)
    fill(place / "pictures/target", 12, 128)
    assert "not 1 times as many a side" in refused(*NEW, "paired")


def test_folders_of_other_names_are_told(place: Path) -> None:
    fill(place / "pictures/blur", 4)
    assert "no images in input/" in (told := refused(*NEW, "paired"))
    assert "it holds blur/" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("new", "task", "me/t", "--dataset", "me/none"), "no dataset named 'me/none'"),
        (("new", "task", "me/t", "--victim", "srgan-mini"), "'srgan-mini' is no service that takes images at scale 1"),
        (("new", "task", "me/t", "--dataset", "figures-mini"), "for services that draw images, and has no questions"),
        (("new", "board", "me/b"), "no task named 'me/b'"),
        (("new", "board", "me/b", "--task", "sr"), "task 'sr' is none of cards"),
        (("new", "task", "Mine"), "'Mine' is not a name for your task"),
        (("data", "pin", "sr-small"), "the hashes of 'sr-small' ship with gexbench"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(words: tuple[str, ...], told: str) -> None:
    assert told in refused(*words)


def test_a_card_that_is_there_is_not_written_over() -> None:
    gexbench("new", "task", "me/t")
    with pytest.raises(GexbenchError, match="is there already"):
        gexbench("new", "task", "me/t")


def test_a_plug_in_may_not_lie_around_the_images(place: Path) -> None:
    unpaired(place)
    gexbench("new", "dataset", "me/photos", "--layout", "unpaired", "--from", "pictures", "--in", "pictures/cards")
    gexbench("new", "task", "me/t", "--dataset", "me/photos", "--in", "pictures/cards")
    gexbench("new", "attack", "me/thief", "--in", ".")
    for path in Path("me/thief").iterdir():
        path.rename(Path("pictures") / path.name)
    with pytest.raises(GexbenchError, match=r"lies in the plug-in's folder .*pictures"):
        gexbench("run", "--registry", "pictures/cards", "--task", "me/t", "--attack", "./pictures", "--out", "../runs")


def without_registry(command: Any, name: str = "") -> set[str]:
    if hasattr(command, "commands"):
        return set[str]().union(*(without_registry(each, f"{name} {key}") for key, each in command.commands.items()))
    return set() if any("--registry" in each.opts for each in command.params) else {name.strip()}


def test_every_command_that_reads_cards_takes_a_folder_of_them() -> None:
    reads_none = {"losses", "new attack", "new defense", "victim probe", "study report", "data unpack", "board retire"}
    reads_its_own_folder = {"check", "new dataset", "new task", "new board", "new victim"}
    reads_what_ships = {"doctor", "victim convert"}
    lacking = without_registry(typer.main.get_command(app))
    assert lacking <= reads_none | reads_its_own_folder | reads_what_ships


def drawing_victim(side: int) -> None:
    """Write the card of a service of one's own that draws."""
    Path("cards/victims").mkdir(parents=True, exist_ok=True)
    Path("cards/victims/painter.toml").write_text(
        'name = "me/painter"\nsummary = "Draws."\ntask_kind = "sampling"\nbackend = "torchscript"\n'
        f'net = {{ side = {side}, latent_size = 6 }}\nweights = {{ file = "x.pt", sha256 = "{"0" * 64}" }}\n'
    )


def test_a_victim_that_draws_has_a_task_of_its_kind(place: Path) -> None:
    fill(place / "real", 20, 40)
    gexbench("new", "dataset", "me/real", "--layout", "one", "--side", "32", "--from", "real")
    drawing_victim(32)
    gexbench("new", "task", "me/draw", "--dataset", "me/real", "--victim", "me/painter")
    task = own(TaskCard, "me/draw")
    assert isinstance(task, TaskCard)
    assert task.draws
    scale = task.profile["mini"]
    tests = own(DatasetCard, "me/real")
    assert isinstance(tests, DatasetCard)
    assert (scale.side, scale.victim, scale.dataset) == (32, "me/painter", "me/real")
    assert scale.samples is not None
    assert 2 <= scale.samples < 20
    assert "me/painter" in gexbench("victim", "list", "--registry", "cards")


def test_a_victim_that_draws_other_images_than_the_set_holds_has_no_task(place: Path) -> None:
    fill(place / "real", 20, 40)
    gexbench("new", "dataset", "me/real", "--layout", "one", "--side", "32", "--from", "real")
    drawing_victim(64)
    with pytest.raises(GexbenchError, match="draws images of 64 px, and data set 'me/real' holds others"):
        gexbench("new", "task", "me/draw", "--dataset", "me/real", "--victim", "me/painter")
    assert not Path("cards/tasks").exists()
