"""What marks have in common."""

from __future__ import annotations

import pytest
import torch

from gexbench.core.marks import keyed_chance, keyed_digest, matched, normal_tail, question_digest
from gexbench.errors import GexbenchError

KEY = bytes(range(32))


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_key_of_another_length_is_refused_in_one_line(key: bytes) -> None:
    with pytest.raises(GexbenchError, match=f"^a key of {len(key)} bytes is refused"):
        keyed_digest(key, b"x")


def test_chance_hangs_on_all_of_the_key_and_on_the_use() -> None:
    drawn = keyed_chance(KEY, "one").standard_normal(4).tolist()
    assert drawn == keyed_chance(KEY, "one").standard_normal(4).tolist()
    for place in (0, 16, 31):
        other = bytes(byte ^ (number == place) for number, byte in enumerate(KEY))
        assert drawn != keyed_chance(other, "one").standard_normal(4).tolist()
    assert drawn != keyed_chance(KEY, "two").standard_normal(4).tolist()


def test_a_digest_is_of_a_questions_pixels_and_size() -> None:
    question = torch.linspace(0, 1, 96).reshape(3, 4, 8)
    digest = question_digest(KEY, question)
    assert digest == question_digest(KEY, question + 1e-4)
    assert digest != question_digest(KEY, question.reshape(3, 8, 4))
    assert digest != question_digest(KEY, question.flip(-1))
    assert digest != question_digest(bytes(32), question)


def test_answers_of_another_number_or_size_are_refused_in_one_line() -> None:
    image = torch.zeros(3, 8, 8)
    with pytest.raises(GexbenchError, match=r"^a suspect gave 1 answers, the victim 2"):
        list(matched([image], [image, image]))
    with pytest.raises(GexbenchError, match=r"^a suspect gave 0 answers, the victim 0"):
        list(matched([], []))
    with pytest.raises(GexbenchError, match=r"^answer 1 of a suspect is \(3, 8, 9\), the victim's \(3, 8, 8\)"):
        list(matched([image, torch.zeros(3, 8, 9)], [image, image]))


def test_a_tail_is_a_normal_numbers_and_never_zero() -> None:
    assert normal_tail(0.0) == 0.5
    assert normal_tail(1.959964) == pytest.approx(0.025, rel=1e-5)
    assert normal_tail(-1.959964) == pytest.approx(0.975, rel=1e-5)
    assert normal_tail(80.0) == 1e-300
