"""`gexbench new` writes submissions that are right as they are."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import named_root
from gexbench.cards.schema import AttackCard, DefenseCard
from gexbench.cli.app import app
from gexbench.errors import GexbenchError

RUNNER = CliRunner()


def _new(*words: str) -> str:
    result = RUNNER.invoke(app, ["new", *words])
    if isinstance(result.exception, GexbenchError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(("role", "kind"), [("attack", AttackCard), ("defense", DefenseCard)])
def test_the_card_is_valid_and_names_a_class_that_is_there(
    role: str, kind: type[AttackCard | DefenseCard], tmp_path: Path
) -> None:
    _new(role, "alice/my-kd", "--in", str(tmp_path))
    card = Catalog((named_root(tmp_path / "alice/my-kd"),)).get(kind, "alice/my-kd")
    module, _, name = (card.entry or "").partition(":")
    tree = ast.parse((tmp_path / "alice/my-kd" / f"{module}.py").read_text())
    assert name == f"MyKd{role.capitalize()}"
    assert name in [node.name for node in tree.body if isinstance(node, ast.ClassDef)]


def test_options_of_a_new_attack_are_the_ones_its_code_reads(tmp_path: Path) -> None:
    _new("attack", "a/b", "--in", str(tmp_path))
    card = Catalog((named_root(tmp_path / "a/b"),)).get(AttackCard, "a/b")
    code = (tmp_path / "a/b/attack.py").read_text()
    assert all(f'brief.options["{key}"]' in code for key in card.options)
    assert set(card.profile["check"]) <= set(card.options)


def test_nothing_of_the_template_is_left(tmp_path: Path) -> None:
    for role in ("attack", "defense"):
        _new(role, f"a/{role}", "--in", str(tmp_path))
    texts = [path.read_text() for path in tmp_path.rglob("*.*")]
    assert len(texts) == 6
    assert not [word for text in texts for word in ("me/mine", "Mine", "FOLDER") if word in text]


@pytest.mark.parametrize("name", ["defense", "history", "none", "3d", "enlarger"])
def test_the_code_compiles_whatever_the_name(name: str, tmp_path: Path) -> None:
    for role in ("attack", "defense"):
        _new(role, f"{role}/{name}", "--in", str(tmp_path))
        tree = ast.parse((tmp_path / role / name / f"{role}.py").read_text())
        classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        imported = [a.name for node in tree.body if isinstance(node, ast.ImportFrom) for a in node.names]
        assert len({*classes, *imported}) == len(classes) + len(imported)


def test_it_goes_below_submissions_where_there_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _new("attack", "a/here")
    (tmp_path / "submissions").mkdir()
    _new("attack", "a/there")
    assert (tmp_path / "a/here/card.toml").is_file()
    assert (tmp_path / "submissions/a/there/card.toml").is_file()


def test_it_prints_the_next_commands_ready_to_paste(tmp_path: Path) -> None:
    place = tmp_path / "with space"
    output = _new("defense", "a/b", "--in", str(place))
    lines = [shlex.split(line) for line in output.splitlines() if line.startswith("  gexbench")]
    assert lines[0] == ["gexbench", "check", str(place / "a/b")]
    assert lines[1][-2:] == ["--defense", str(place / "a/b")]
    assert f"gexbench check {shlex.quote(str(place / 'a/b'))}" in (place / "a/b/README.md").read_text()


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    with pytest.raises(GexbenchError, match="is there already"):
        _new("attack", "a/b", "--in", str(tmp_path))
    assert not list((tmp_path / "a/b").iterdir())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mine", "yourname/mine"),
        ("Alice/My KD", "alice/my-kd"),
        ("a/b/c", "b/c"),
        ("../x", "yourname/x"),
        ("/etc/x", "etc/x"),
        ("", "yourname/mine"),
        ("a/b\n", "a/b"),
    ],
)
def test_a_bad_name_is_refused_with_a_good_one(name: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(GexbenchError, match="is not a name") as refused:
        _new("attack", name, "--in", str(tmp_path))
    assert refused.value.hint.endswith(": " + hint)
    assert refused.value.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GexbenchError, match="cannot write") as refused:
        _new("attack", "a/b", "--in", str(tmp_path / "file"))
    assert refused.value.exit_code == 5
