"""docs/submitting.md, followed from an empty folder as it is written, with few steps and one seed; and the workflow."""

from __future__ import annotations

import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from site_reader import read
from typer.testing import CliRunner

from gexbench.cli.app import app
from gexbench.engine.sandbox.rules import support

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, WORKFLOW = DOCS / "submitting.md", DOCS / "ci" / "submission.yml"
FEWER = {"0-4": "0", "steps=300": "steps=2"}
ELSEWHERE = ("pip ", "gexbench assets fetch", "git ", "changed=", "[[", 'echo "SUBMISSION=')
"""What the workflow does with other machines and with the repository, which is not here."""


def blocks() -> list[str]:
    return re.findall(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def follow(commands: str) -> None:
    """Give commands one by one, gexbench's in this process."""
    for line in commands.splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "gexbench":
            meant = [each for word in words[1:] for each in (sorted(glob.glob(word)) or [FEWER.get(word, word)])]
            done = CliRunner().invoke(app, meant)
            assert done.exit_code == 0, f"{line}: {done.exception} {done.output}"
        elif words:
            subprocess.run(["bash", "-c", line], check=True, capture_output=True)


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which an author has followed the page's first commands."""
    if not support().landlock_abi:
        pytest.skip("no code of a submission is run without Landlock")
    folder = tmp_path_factory.mktemp("submitted")
    with pytest.MonkeyPatch.context() as patch:
        at(folder, patch)
        follow(blocks()[0])
    return folder


def at(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Work in a folder, without data and weights of metrics."""
    patch.setenv("GEXBENCH_HOME", str(folder / "home"))
    patch.delenv("GEXBENCH_DATA", raising=False)
    patch.chdir(folder)


def copy(submitted: Path, place: Path) -> Path:
    """Return a maintainers' repository with the submission, and boards without a record."""
    shutil.copytree(submitted / "submissions", place / "submissions")
    (place / "leaderboards").mkdir()
    (place / "leaderboards" / "MAINTAINERS").write_text("# who may\n", encoding="utf-8")
    return place


def test_the_page_leads_from_a_new_attack_to_a_signed_row_on_the_site(
    submitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("the page makes a key with ssh-keygen")
    at(copy(submitted, tmp_path), monkeypatch)
    _, key, maintainer, retiring = blocks()
    follow(key)
    follow(maintainer)
    (record,) = Path("leaderboards/sr/records").glob("sr-alice.mykd-*.json")
    page = read(Path("site/records", f"{record.stem}.html").read_text(encoding="utf-8"))
    assert "a maintainer ran it again and signed" in page.words
    board = read(Path("site/boards/sr.html").read_text(encoding="utf-8"))
    assert "alice/mykd (steps=2)" in board.words
    assert "verified: a maintainer ran every record again" in Path("site/boards/sr.html").read_text(encoding="utf-8")
    follow(retiring.splitlines()[0].replace("sr-…", record.name))
    follow(maintainer.splitlines()[-1])
    page = read(Path("site/records", f"{record.stem}.html").read_text(encoding="utf-8"))
    assert "Withdrawn on" in page.words


def steps() -> list[str]:
    """Return what the workflow's `run:` steps give to a shell, in order."""
    lines, found = WORKFLOW.read_text(encoding="utf-8").splitlines(), list[str]()
    for at, line in enumerate(lines):
        if (form := re.fullmatch(r"( +)(- )?run: (.+)", line)) is None:
            continue
        if form[3] != "|":
            found.append(form[3])
            continue
        deeper = " " * (len(form[1]) + len(form[2] or "") + 2)
        below = lines[at + 1 :]
        end = next((i for i, text in enumerate(below) if not text.startswith(deeper)), len(below))
        found.append("\n".join(text.removeprefix(deeper) for text in below[:end]))
    return found


def test_the_workflow_is_yaml_whose_steps_are_those_that_are_tried() -> None:
    yaml = pytest.importorskip("yaml")
    held = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    (job,) = held["jobs"].values()
    assert [step["run"].strip() for step in job["steps"] if "run" in step] == steps()


def test_the_workflow_gives_foreign_code_no_secret_and_no_right_to_write() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    assert "permissions:\n  contents: read\n" in text
    assert "persist-credentials: false" in text
    assert not re.search(r"secrets\.|\$\{\{|pull_request_target|: write", text)
    comment = (DOCS / "ci" / "comment.yml").read_text(encoding="utf-8")
    assert not re.search(r"checkout|gexbench |pip ", comment)
    assert not any("${{" in line for line in comment.partition("steps:")[2].splitlines())


def test_every_command_of_the_workflow_is_one_that_exists() -> None:
    commands = [shlex.split(step.partition(">")[0])[1:] for step in steps() if step.startswith("gexbench ")]
    assert len(commands) == 7
    for words in commands:
        command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context("gexbench", words)


@pytest.mark.slow
def test_every_step_of_the_workflow_does_on_a_submission_what_it_says(
    submitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(copy(submitted, tmp_path), monkeypatch)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "gexbench").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gexbench "$@"\n', encoding="utf-8")
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    for program in programs.iterdir():
        program.chmod(0o755)
    shared = {"PYTHONPATH": str(DOCS.parent), "GITHUB_ENV": str(tmp_path / "env")}
    known = {**os.environ, **shared, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    known["SUBMISSION"] = "submissions/alice/mykd-sr"
    given = 0
    for step in steps():
        if step.startswith(ELSEWHERE):
            continue
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", step], env=known, capture_output=True, text=True)
        assert done.returncode == 0, f"{step}: {done.stderr}"
        given += step.startswith("gexbench ")
        if (tmp_path / "env").is_file():
            known |= dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert given == 6
    assert known["BOARD"] == "sr"
    assert "alice/mykd" in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert len(json.loads((tmp_path / "added.json").read_text())["added"]) == 1


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        (["submissions/alice/mykd-sr/records/a.json", "submissions/alice/mykd-sr/SHA256SUMS"], True),
        (["submissions/alice/mykd-sr/SHA256SUMS", "leaderboards/MAINTAINERS"], False),
        (["submissions/alice/mykd-sr/SHA256SUMS", "submissions/bob/mine/SHA256SUMS"], False),
        ([".github/workflows/submission.yml"], False),
        (["submissions/alice/$(id)/SHA256SUMS"], False),
        (["submissions/README.md"], False),
    ],
)
def test_the_workflow_takes_one_submission_and_nothing_else(tmp_path: Path, changed: list[str], taken: bool) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "base"], check=True)
    for place in changed:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("x", encoding="utf-8")
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "change"], check=True)
    (step,) = (step for step in steps() if "git diff" in step)
    known = {**os.environ, "GITHUB_ENV": str(tmp_path / "env")}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", step], env=known, cwd=tmp_path, capture_output=True)
    assert (done.returncode == 0) == taken
    told = (tmp_path / "env").read_text(encoding="utf-8") if (tmp_path / "env").exists() else ""
    assert told == ("SUBMISSION=submissions/alice/mykd-sr\n" if taken else "")
