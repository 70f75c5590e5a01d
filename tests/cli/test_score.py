"""`gexbench score`: the table, the JSON document, exit codes, and bad input as one clear line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from feature_factory import encoded, noise, photos, write_folder, write_net, write_registry, write_zip
from typer.testing import CliRunner, Result

from gexbench import bench
from gexbench.cli.app import app, main
from gexbench.comparison import Comparison
from gexbench.errors import GexbenchError

from .test_bad_input import expect_refusal, gexbench

RUNNER = CliRunner()
PSNR = ("--metric", "psnr-rgb")
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, str]:
    """Return a folder of four images, and a zip of them after noise was added."""
    folder = write_folder(tmp_path / "images", {f"{k}.png": encoded(noise(k, 12, 12)) for k in range(4)})
    noisy = {f"{k}.png": encoded((noise(k, 12, 12) // 2) + (noise(9 + k, 12, 12) // 2)) for k in range(4)}
    return str(folder), str(write_zip(tmp_path / "reference.zip", noisy))


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command know the metrics of the tiny extractor, with its weights in GEXBENCH_HOME."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    write_net(tmp_path / "home")
    catalog = write_registry(tmp_path / "registry")
    monkeypatch.setattr(bench.Catalog, "load", classmethod(lambda cls, folders=(): catalog))


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return the command line as it is started, errors printed, in a folder without weights; in this process."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["gexbench", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, int(ended.value.code or 0), said.out, said.err)

    return run


def _score(*words: str) -> Result:
    result = RUNNER.invoke(app, ["score", *words, "--device", "cpu"])
    if isinstance(result.exception, GexbenchError):
        raise result.exception
    return result


def _photos(folder: Path, count: int, first: int = 0) -> str:
    return str(write_folder(folder, photos(count, first)))


def test_two_folders_are_scored_without_any_weights(places: tuple[str, str], tmp_path: Path) -> None:
    done = gexbench("score", *places, *PSNR, "--json", cwd=tmp_path, GEXBENCH_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    (score,) = document["scores"]
    assert set(score) == {
        "metric",
        "value",
        "unit",
        "higher_is_better",
        "n",
        "n_reference",
        "floor",
        "se",
        "passport",
        "pairs",
        "identical",
        "of_others",
    }
    assert 5.0 < score["value"] < 20.0
    assert (score["metric"], score["unit"], score["n"], score["n_reference"]) == ("psnr-rgb", "dB", 4, 4)
    assert score["floor"] is None
    assert score["passport"]["implementation"] == "gexbench.metrics.pixel:Psnr"
    assert document["absent"] == {}
    assert set(document) >= {"images", "reference", "package", "libraries", "processor", "device"}
    assert Comparison.model_validate_json(done.stdout).scores[0].value == score["value"]
    assert not (tmp_path / "home").exists()


def test_a_document_with_infinity_is_still_json(places: tuple[str, str]) -> None:
    result = _score(places[0], places[0], *PSNR, "--json")
    document = json.loads(result.stdout, parse_constant=pytest.fail)
    assert document["scores"][0]["value"] == "Infinity"
    assert Comparison.model_validate_json(result.stdout).scores[0].value == float("inf")
    assert "inf dB ↑" in _score(places[0], places[0], *PSNR).stdout


@pytest.mark.usefixtures("tiny")
def test_the_table_shows_value_direction_floor_and_counts(tmp_path: Path) -> None:
    result = _score(_photos(tmp_path / "a", 110), _photos(tmp_path / "b", 120, first=500), "--metric", "fid")
    assert result.exit_code == 0, result.output
    rows = {line.split("│")[1].strip(): line.split("│")[2:-1] for line in result.stdout.splitlines() if "│" in line}
    assert set(rows) == {"fid", "kid"}
    value, error, floor, images, reference = (cell.strip() for cell in rows["fid"])
    assert float(value.removesuffix(" ↓")) > 0.0
    assert float(error) > 0.0
    assert floor.endswith("(2 × 60)")
    assert (images, reference) == ("110", "120")
    assert rows["kid"][2].strip() == ""


@pytest.mark.usefixtures("tiny")
def test_the_document_holds_the_floor_and_the_extractor(tmp_path: Path) -> None:
    result = _score(_photos(tmp_path / "a", 110), _photos(tmp_path / "b", 120, first=500), "--json")
    fid = json.loads(result.stdout)["scores"][0]
    assert fid["floor"]["n"] == 60
    assert fid["floor"]["value"] > 0.0
    assert fid["passport"]["settings"]["features.extractor"] == "colours"
    assert set(fid["passport"]["weights"]) == {"colour-net"}


@pytest.mark.usefixtures("tiny")
def test_features_are_kept_unless_told_otherwise(tmp_path: Path) -> None:
    words = (_photos(tmp_path / "a", 5), _photos(tmp_path / "b", 5, first=5), "--metric", "fid-bf16")
    _score(*words, "--no-cache")
    assert not (tmp_path / "home" / "features").exists()
    kept = _score(*words)
    assert len(list((tmp_path / "home" / "features").glob("*.sqlite"))) == 1
    assert kept.stdout == _score(*words).stdout


@pytest.mark.usefixtures("tiny")
def test_a_metric_that_is_not_defined_is_named_with_the_reason_and_the_others_are_printed(tmp_path: Path) -> None:
    result = _score(_photos(tmp_path / "a", 9), _photos(tmp_path / "b", 9), "--metric", "fid,kid-100,psnr-rgb")
    assert result.exit_code == 0
    assert "absent  kid-100: kid-100 is not defined here: " in result.stdout
    assert "subsets of 100 images and a set has 9" in result.stdout
    assert "│ fid" in result.stdout
    assert "│ psnr-rgb" in result.stdout


@pytest.mark.usefixtures("tiny")
def test_names_of_metrics_may_be_capitals_and_all_names_what_cannot_be_had(tmp_path: Path) -> None:
    places = _photos(tmp_path / "a", 9), _photos(tmp_path / "b", 9)
    assert "│ fid" in _score(*places, "--metric", "FID, Psnr-RGB").stdout
    told = json.loads(_score(*places, "--metric", "all", "--json").stdout)
    assert {"fid", "kid", "psnr-rgb"} <= {score["metric"] for score in told["scores"]}
    assert "kid-100" in told["absent"]


@pytest.mark.usefixtures("tiny")
def test_all_metrics_of_images_that_do_not_pair_are_those_of_sets(tmp_path: Path) -> None:
    result = _score(_photos(tmp_path / "a", 9), _photos(tmp_path / "b", 9, first=20), "--metric", "all", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert "psnr-rgb" in told["absent"]
    assert "fid" in {score["metric"] for score in told["scores"]}


@pytest.mark.usefixtures("tiny")
def test_one_image_has_no_fid(tmp_path: Path) -> None:
    result = _score(_photos(tmp_path / "a", 1), _photos(tmp_path / "b", 9), "--metric", "fid")
    assert result.exit_code == 2
    assert "absent  fid: fid is not defined here: the image set has 1; this metric needs 2 or more" in result.stdout


def test_missing_weights_end_with_code_4_and_name_the_command(places: tuple[str, str], command: Command) -> None:
    words = ("score", *places, "--metric", "fid")
    done = command(*words)
    assert done.returncode == 4
    assert "error" not in done.stderr
    assert "gexbench assets fetch fid-inception" in done.stdout
    done = command(*words, "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout)["scores"] == []
    assert "gexbench assets fetch fid-inception" in json.loads(done.stdout)["absent"]["fid"]


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (("images", "reference.zip", "--metric", "psnr-rbg"), 2, ("no metric named 'psnr-rbg'", "psnr-rgb")),
        (("images", "reference.zip", "--metric", " , "), 2, ("no metric is named", "gexbench list metrics")),
        (("images", "reference.zip", *PSNR, "--device", "tpu"), 2, ("'tpu' is not here",)),
        (("images", "gone", *PSNR), 4, ("no folder or zip at gone",)),
        (("empty", "images", *PSNR), 4, ("empty holds no images", ".png")),
        (("images/0.png", "images", *PSNR), 4, ("images/0.png is neither a folder nor a zip",)),
        (("torn", "images", *PSNR), 4, ("2.jpg", "truncated")),
        (("images", "fewer", *PSNR), 2, ("the reference lacks '3'",)),
    ],
    ids=["metric", "no metric", "device", "gone", "empty", "no zip", "truncated", "pairs"],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    places: tuple[str, str],
    tmp_path: Path,
    command: Command,
    words: tuple[str, ...],
    code: int,
    parts: tuple[str, ...],
) -> None:
    files = {path.name: path.read_bytes() for path in Path(places[0]).iterdir()}
    (tmp_path / "empty").mkdir()
    whole = encoded(noise(2, 40, 40), "JPEG")
    torn = {name: content for name, content in files.items() if name != "2.png"} | {"2.jpg": whole[: len(whole) // 2]}
    write_folder(tmp_path / "torn", torn)
    write_folder(tmp_path / "fewer", {name: content for name, content in files.items() if name != "3.png"})
    before = sorted(tmp_path.rglob("*"))
    done = command("score", *words)
    expect_refusal(done, code, *parts)
    assert done.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_with_json_an_error_is_a_document(places: tuple[str, str], command: Command) -> None:
    done = command("score", places[0], "gone", *PSNR, "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout)["exit_code"] == 4
    assert "no folder or zip" in json.loads(done.stdout)["error"]


def test_the_reference_backend_prints_both_values_and_the_difference(places: tuple[str, str]) -> None:
    result = _score(*places, "--metric", "ssim-rgb,psnr-rgb", "--backend", "reference")
    assert result.exit_code == 0, result.output
    head = next(line for line in result.stdout.splitlines() if "┃" in line)
    assert [cell.strip() for cell in head.split("┃")[1:-1]] == [
        "metric",
        "gexbench",
        "reference",
        "difference",
        "library",
    ]
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert [row[0] for row in rows] == ["ssim-rgb", "psnr-rgb"]
    for _, ours, reference, difference, library in rows:
        assert float(ours) == pytest.approx(float(reference), abs=1e-6)
        assert abs(float(difference)) < 1e-6
        assert library.startswith("scikit-image ")


def test_a_metric_without_a_reference_library_is_named_and_the_others_are_in_the_document(
    places: tuple[str, str],
) -> None:
    words = (*places, "--metric", "psnr-rgb,ssim-rgb,figure-share", "--backend", "reference")
    assert "absent  figure-share: no reference library for figure-share\n" in _score(*words).stdout
    result = _score(*words, "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert [each["metric"] for each in document["references"]] == ["psnr-rgb", "ssim-rgb"]
    assert set(document["references"][0]) == {"metric", "ours", "reference", "difference", "library", "version"}
    assert [score["metric"] for score in document["scores"]] == ["psnr-rgb", "ssim-rgb", "figure-share"]
    assert document["absent"] == {"figure-share": "no reference library for figure-share"}


def test_images_of_two_sizes_are_named_as_a_reason(places: tuple[str, str], tmp_path: Path) -> None:
    other = write_folder(tmp_path / "other", {f"{k}.png": encoded(noise(k, 12, 13)) for k in range(4)})
    result = _score(places[0], str(other), *PSNR)
    assert result.exit_code == 2
    assert "absent  psnr-rgb: psnr-rgb is not defined here" in result.stdout
    assert "12x12" in result.stdout


@pytest.mark.usefixtures("tiny")
def test_brackets_in_names_are_printed_as_they_are(tmp_path: Path) -> None:
    folder = _photos(tmp_path / "run[red]", 3)
    black = write_folder(tmp_path / "b", photos(3) | {"[/x].png": encoded(torch.zeros(3, 2, 2, dtype=torch.uint8))})
    assert "run[red] against" in " ".join(_score(folder, folder, *PSNR).stdout.split())
    with pytest.raises(GexbenchError, match=r"\[/x\]\.png gives features that are NaN"):
        _score(folder, str(black), "--metric", "fid-bf16")
    sizes = write_folder(tmp_path / "c[/c]", {f"{k:04}.png": encoded(noise(k, 4, 4)) for k in range(3)})
    assert _score(folder, str(sizes), *PSNR).exit_code == 2
