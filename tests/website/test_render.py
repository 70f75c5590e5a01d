from __future__ import annotations

import pytest

from gexbench.site.render import cited


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Szyller et al. 2023, arXiv 2104.12623, section 5", "https://arxiv.org/abs/2104.12623"),
        ("arXiv:1609.04802", "https://arxiv.org/abs/1609.04802"),
        ("Hu and Pang 2021, doi 10.1145/3485832.3485838, section 8", "https://doi.org/10.1145/3485832.3485838"),
        ("(doi:10.1145/3485832.3485838).", "https://doi.org/10.1145/3485832.3485838"),
    ],
)
def test_a_source_leads_to_the_paper_it_names(text: str, place: str) -> None:
    assert f'href="{place}"' in cited(text)


@pytest.mark.parametrize(
    "text", ['doi 10.1145/"><script>x</script>', "arXiv javascript:alert(1)", "<b>arXiv 2104.12623</b>", "a & b"]
)
def test_nothing_else_of_a_source_is_markup(text: str) -> None:
    made = str(cited(text))
    assert "<script" not in made
    assert "<b>" not in made
    assert "javascript:" not in made.partition("href=")[2].partition(">")[0]
