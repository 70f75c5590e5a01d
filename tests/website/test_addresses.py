from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gexbench.site.addresses import plain, row_anchor, table_page
from gexbench.site.source import Source


@pytest.mark.parametrize("text", ["sr", "latent-fidelity", "mini", "v1.5"])
def test_a_plain_name_stays(text: str) -> None:
    assert plain(text) == text


def test_two_names_never_give_one() -> None:
    names = [
        "a/b",
        "a.b",
        "a-b",
        "a b",
        "a--b",
        "A-b",
        "a (b=1)",
        "a (b=2)",
        "a" * 200,
        "a" * 201,
        "../a",
        "",
        ".",
        "..",
    ]
    assert len({plain(name).lower() for name in names}) == len(names)


def test_tables_of_names_that_run_into_each_other_have_pages_of_their_own(many: Source) -> None:
    board, table = many.boards[0], many.boards[0].tables[0]
    names = [("a", "b-c"), ("a-b", "c"), ("a/b", "c"), ("a.b", "c")]
    pages = {
        table_page(
            replace(board, card=board.card.model_copy(update={"name": name})),
            replace(table, profile=profile, budget=budget, defense=defense),
        )
        for name, profile in names
        for budget, defense in ((1, ""), (1, "2"), (12, ""), (1, "x (y=2)"), (1, "x (y=3)"))
    }
    assert len(pages) == 20
    assert all(page.count("/") == 3 for page in pages)


@pytest.mark.parametrize("text", ["../../etc/passwd", "a/b", "<script>", 'a"b', "ü ∞", "..", "con\n"])
def test_a_name_is_a_file_in_its_folder_and_a_word_of_a_page(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9.-]+", plain(text))
    assert plain(text) not in (".", "..")
    assert "=" not in row_anchor(text), "what stands behind # with = is what a page's filters are set to"
