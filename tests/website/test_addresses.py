from __future__ import annotations

import re

import pytest

from gexbench.site.addresses import plain, row_anchor


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


@pytest.mark.parametrize("text", ["../../etc/passwd", "a/b", "<script>", 'a"b', "ü ∞", "..", "con\n"])
def test_a_name_is_a_file_in_its_folder_and_a_word_of_a_page(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9.-]+", plain(text))
    assert plain(text) not in (".", "..")
    assert "=" not in row_anchor(text), "what stands behind # with = is what a page's filters are set to"
