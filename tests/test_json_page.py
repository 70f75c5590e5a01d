"""docs/json.md says what documents hold today."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from json_page import PAGE, page

NAMED = {
    ("list", "--json"): {"tasks", "attacks", "defenses"},
    ("victim", "list", "--json"): {"victims"},
    ("defense", "list", "--json"): {"defenses"},
    ("show", "nothing-of-this-name", "--json"): {"error", "hint", "exit_code"},
}


def test_the_page_is_as_the_models_are_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python tests/json_page.py"


@pytest.mark.parametrize(("words", "keys"), NAMED.items(), ids=lambda it: "-".join(it) if isinstance(it, tuple) else "")
def test_a_document_has_a_version_and_the_keys_that_the_page_names(words: tuple[str, ...], keys: set[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "gexbench", *words], capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert told["schema_version"] == 1
    assert keys <= told.keys()
