"""What defenses prepared lies in a folder of its recipe, and counts once its passport is there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gexbench.engine.store.prepared import PreparedPassport, Recipe, Shelf, here
from gexbench.errors import AssetMissing

CONTENT = b"tensors"
RECIPE = Recipe(
    victim="srgan-mini",
    victim_weights="a" * 64,
    victim_net={"channels": 8},
    dataset="b" * 64,
    owner=None,
    defense="me/mark",
    version=1,
    code="c" * 16,
    options={"bits": 32, "bands": ("1", "2")},
    assets={"vgg": "d" * 64},
    seed=0,
    isolation="landlock",
)


def passport(recipe: Recipe = RECIPE) -> PreparedPassport:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return PreparedPassport(recipe=recipe, sha256=sha256, device="cpu", precision="fp32", threads=2, seconds=1.5)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf.of(RECIPE, tmp_path)
    made.keep(CONTENT, passport())
    return made


def test_what_was_kept_is_found_again(shelf: Shelf) -> None:
    found = shelf.find(RECIPE)
    assert found is not None
    assert (found.file.read_bytes(), found.passport) == (CONTENT, passport())
    assert shelf.folder.name == f"srgan-mini-me.mark-{RECIPE.digest}"


def test_nothing_is_found_before_there_is_a_passport(shelf: Shelf) -> None:
    shelf.passport.unlink()
    assert shelf.find(RECIPE) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("victim", "other"),
        ("victim_weights", "0" * 64),
        ("victim_net", {}),
        ("dataset", "0" * 64),
        ("owner", 8),
        ("defense", "me/other"),
        ("version", 2),
        ("code", "0" * 16),
        ("options", {"bits": 16}),
        ("assets", {}),
        ("seed", 1),
        ("isolation", "none"),
    ],
)
def test_all_of_a_recipe_is_in_its_digest_and_a_file_of_another_is_refused(
    shelf: Shelf, field: str, value: object
) -> None:
    other = RECIPE.model_copy(update={field: value})
    assert other.digest != RECIPE.digest
    with pytest.raises(AssetMissing, match=f"prepared.safetensors is of another {field.replace('_', ' ')}: "):
        shelf.find(other)


def test_every_field_of_a_recipe_is_tried_above() -> None:
    marks = test_all_of_a_recipe_is_in_its_digest_and_a_file_of_another_is_refused.pytestmark
    assert {field for field, _ in marks[0].args[1]} == set(Recipe.model_fields)


def _signed_again(shelf: Shelf) -> Any:
    told = json.loads(shelf.passport.read_text())
    return shelf.passport.write_text(json.dumps({**told, "sha256": "0" * 64}))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda shelf: shelf.file.write_bytes(b"tensorz"), "was altered"),
        (lambda shelf: shelf.file.unlink(), "cannot be read"),
        (lambda shelf: shelf.passport.write_text("{}"), "has no passport that can be read"),
        (lambda shelf: (shelf.passport.unlink(), shelf.passport.mkdir()), "cannot be read"),
        (_signed_again, "was altered"),
    ],
    ids=["file", "no file", "passport", "folder", "hash"],
)
def test_what_was_altered_is_refused_with_the_way_out(
    shelf: Shelf, spoil: Callable[[Shelf], object], told: str
) -> None:
    spoil(shelf)
    with pytest.raises(AssetMissing, match=told) as refused:
        shelf.find(RECIPE)
    assert refused.value.hint == f"remove {shelf.folder}, and it is prepared anew"


def test_what_lies_here_is_told_by_defense(shelf: Shelf, tmp_path: Path) -> None:
    Shelf.of(other := RECIPE.model_copy(update={"victim": "b"}), tmp_path).keep(CONTENT, passport(other))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "passport.json").write_text("no")
    assert {name: {each.recipe.victim for each in found} for name, found in here(tmp_path).items()} == {
        "me/mark": {"srgan-mini", "b"}
    }


def test_looking_takes_no_torch() -> None:
    code = "import sys, gexbench.engine.store.prepared; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
