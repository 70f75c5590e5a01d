"""Bad input is one clear line, a documented exit code, and nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gexbench.cards.roots import packaged_root

ROOT = Path(__file__).resolve().parents[2]
RUN = ("run", "--task", "sr", "--attack", "bicubic")


def gexbench(*words: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-m", "gexbench", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths, **env},
        timeout=300,
    )


def expect_refusal(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    """Check the exit code, one error line, no traceback, and what the line says."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ((*RUN, "--dataset", "sr-small"), ("learned from 'photos-mini'", "'sr-small'", "--victim and --dataset")),
        (("run", "--task", "srr", "--attack", "srresnet"), ("no task named 'srr'", "did you mean sr?")),
        (("run", "--task", "sr", "--attack", "srresnte"), ("no attack named", "srresnet")),
        ((*RUN, "--defense", "jpg"), ("no defense named", "jpeg")),
        ((*RUN, "--profile", "huge"), ("no profile 'huge'", "known: mini, paper, small")),
        ((*RUN, "--budget", "0"), ("--budget 0", "allows 1 to 512")),
        ((*RUN, "--budget", "-5"), ("--budget -5", "allows 1 to 512")),
        ((*RUN, "--budget", "513"), ("--budget 513", "allows 1 to 512")),
        ((*RUN, "--budget", "lots"), ("neither a number of images nor a percentage",)),
        ((*RUN, "--seed", "-1"), ("--seed -1",)),
        (("run", "--task", "sr", "--attack", "srresnet", "--set", "steps=ten"), ("takes a whole number, not 'ten'",)),
        (("run", "--task", "sr", "--attack", "srresnet", "--set", "stepz=1"), ("no option 'stepz'", "steps")),
        (("run", "--task", "sr", "--attack", "./nowhere"), ("no folder of cards", "nowhere")),
        (("show", "srresnte"), ("no card and no record", "srresnet")),
        (("list", "atacks"), ("no cards of kind", "attacks")),
        (("victim", "train", "srgam"), ("no victim named", "srgan")),
        (("data", "verify", "photos"), ("no dataset named", "photos-mini")),
        (("assets", "fetch", "lpips"), ("no asset named", "lpips-alex")),
    ],
)
def test_a_bad_word_is_refused(words: tuple[str, ...], parts: tuple[str, ...], tmp_path: Path) -> None:
    expect_refusal(gexbench(*words, cwd=tmp_path), 2, *parts)
    assert list(tmp_path.iterdir()) == []


def test_of_many_missing_files_the_first_are_named(tmp_path: Path) -> None:
    done = gexbench("data", "verify", "celeba-64", cwd=tmp_path, GEXBENCH_DATA=str(tmp_path))
    assert done.returncode == 4
    lines = done.stdout.splitlines()
    assert (len(lines), lines[0]) == (22, "missing    celeba/img_align_celeba/000001.jpg")
    assert "and 182712 more" in lines[-2]


def test_a_broken_card_is_named_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "attacks").mkdir()
    card = tmp_path / "attacks" / "mine.toml"
    card.write_text('name = "me/mine"\nsummary = 3\n')
    named = ("run", "--task", "sr", "--attack", "me/mine", "--registry", str(tmp_path))
    expect_refusal(gexbench(*named, cwd=tmp_path), 2, f"error: {card}: summary")


def test_a_broken_card_from_outside_breaks_no_other_command(tmp_path: Path) -> None:
    (tmp_path / "attacks").mkdir()
    card = tmp_path / "attacks" / "mine.toml"
    card.write_text('name = "me/mine"\nsummary = "\\u001B[31m"\n')
    done = gexbench("list", "attacks", "--json", "--registry", str(tmp_path))
    assert (done.returncode, "srresnet" in [each["name"] for each in json.loads(done.stdout)["attacks"]]) == (0, True)
    assert done.stderr.startswith(f"warning: skipped: {card}: summary")
    assert (done.stderr.count("\n"), "\x1b" in done.stderr) == (1, False)


def test_what_is_no_file_is_refused_at_once_by_every_command_that_reads_a_record(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in ("/dev/zero", str(tmp_path / "pipe")):
        for command in ("show", "verify"):
            expect_refusal(gexbench(command, place, cwd=tmp_path), 2, f"cannot read the record {place}")
        done = gexbench("board", "add", place, cwd=tmp_path)
        assert (done.returncode, f"{place}: no record" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_missing_data_name_the_first_file_and_what_to_set(tmp_path: Path) -> None:
    done = gexbench(*RUN, "--profile", "small", "--out", str(tmp_path / "runs"), GEXBENCH_DATA=str(tmp_path))
    expect_refusal(done, 4, "sr-small", "GEXBENCH_DATA")
    assert not list((tmp_path / "runs").glob("*/record.json"))


def test_a_victim_without_weights_names_the_command_that_trains_it(tmp_path: Path) -> None:
    done = gexbench(*RUN, "--profile", "paper", cwd=tmp_path, GEXBENCH_HOME=str(tmp_path / "home"))
    expect_refusal(done, 4, "gexbench victim train srgan")


def _copied_package(folder: Path) -> Path:
    shutil.copytree(ROOT / "gexbench", folder / "gexbench", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(packaged_root().path, folder / "registry")
    return folder / "registry" / "weights" / "srgan-mini.safetensors"


def test_altered_weights_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    weights = _copied_package(tmp_path)
    altered = bytearray(weights.read_bytes())
    altered[-1] ^= 1
    weights.write_bytes(altered)
    expect_refusal(
        gexbench(*RUN, cwd=tmp_path, PYTHONPATH=str(tmp_path)), 4, "is not the file victim 'srgan-mini' pins"
    )


def test_missing_weights_are_named(tmp_path: Path) -> None:
    _copied_package(tmp_path).unlink()
    expect_refusal(gexbench(*RUN, cwd=tmp_path, PYTHONPATH=str(tmp_path)), 4, "has no weights here")


def test_an_output_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file stands here")
    expect_refusal(gexbench(*RUN, cwd=tmp_path), 5, "cannot write", "runs", "--out")
    assert (tmp_path / "runs").read_text() == "a file stands here"


def test_with_json_an_error_is_one_document_too(tmp_path: Path) -> None:
    done = gexbench(*RUN, "--budget", "0", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["exit_code"] == 2
    assert "--budget 0" in json.loads(done.stdout)["error"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.parametrize("kilobytes", [8, 1200])
def test_a_full_disk_is_named_and_leaves_no_record(tmp_path: Path, kilobytes: int) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    options = f"size={kilobytes}k"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True).returncode != 0:
        pytest.skip("this system does not let tests mount a small disk")
    try:
        words = ("run", "--task", "sr", "--attack", "srresnet", "--set", "steps=2", "--out", str(disk / "runs"))
        done = gexbench(*words)
        assert done.returncode == 5, done.stderr
        assert "Traceback" not in done.stderr
        assert not list(disk.rglob("record.json"))
        assert not list(disk.rglob("*.part"))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
