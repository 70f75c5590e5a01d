from __future__ import annotations

import pytest
from site_reader import read

from gexbench.site.chart import Axis, Drawing, budgets, key, linear, tick_text


def test_an_axis_takes_numbers_to_places() -> None:
    assert Axis(0.0, 10.0, 100.0, 200.0).at(5.0) == 150.0
    assert Axis(10.0, 1000.0, 0.0, 100.0, log=True).at(100.0) == pytest.approx(50.0)
    assert Axis(10.0, 0.0, 0.0, 100.0).at(2.5) == 75.0


def test_ticks_are_round_and_inside() -> None:
    axis = linear([27.13, 33.9], 0.0, 100.0)
    assert axis.ticks == (28.0, 30.0, 32.0, 34.0)
    assert axis.low < 27.13 < 33.9 < axis.high


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [-1e-9, 1e-9], [1e9, 2e9]])
def test_any_numbers_have_an_axis(values: list[float]) -> None:
    axis = linear(values, 0.0, 100.0, zero=True)
    assert all(0.0 <= axis.at(value) <= 100.0 for value in values)
    assert 1 <= len(axis.ticks) <= 8


def test_budgets_of_a_decade_stand_on_a_logarithmic_axis() -> None:
    assert budgets([100, 1000], 0.0, 100.0).log
    assert not budgets([128, 256, 512], 0.0, 100.0).log
    assert budgets([100, 1000], 0.0, 100.0).ticks == (100, 1000)


def test_the_text_of_a_tick_has_the_digits_it_needs() -> None:
    assert [tick_text(value, 0.05) for value in (0.05, 0.1, -0.05, -1e-12)] == ["0.05", "0.10", "−0.05", "0.00"]
    assert tick_text(20000.0, 5000.0) == "20000"


def test_a_drawing_tells_what_it_shows_and_escapes_it() -> None:
    drawing = Drawing("<b>", 'a "quoted" & <i>told</i>')
    drawing.text(1.0, 2.0, "<script>x</script>", "m")
    drawing.sign(3.0, 4.0, 9, "large", "<img src=x>")
    drawing.path([(0.0, 0.0), (1.26, 2.0)], "line k0")
    page = read(str(drawing.svg()))
    assert {tag for tag, _ in page.elements} == {"svg", "title", "desc", "text", "path"}
    assert page.elements[0][1]["role"] == "img"
    assert "<script>x</script>" in page.words
    assert "M0 0L1.3 2" in str(drawing.svg())


def test_the_ninth_series_begins_anew() -> None:
    assert key(8) == key(0) != key(1)
