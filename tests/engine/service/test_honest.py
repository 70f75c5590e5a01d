"""Where the test's questions stand among a client's, and what is kept of both."""

from __future__ import annotations

from pathlib import Path

import torch

from gexbench.engine.service.honest import KEPT, Kept, Places, Sample


def counts(places: Places, budget: int, tests: int) -> tuple[list[int], list[int]]:
    return [places.of_client(i) for i in range(budget)], [places.of_test(i) for i in range(tests)]


def test_counts_run_on_by_one_whoever_asks() -> None:
    places = Places(50, 20, b"key")
    mine, honest = counts(places, 50, 20)
    assert sorted(mine + honest) == list(range(70))
    assert mine == sorted(mine)
    assert places.of_other(2) == 72


def test_tests_are_spread_over_the_whole_budget_as_the_key_says() -> None:
    first, again, other = (Places(1000, 400, key) for key in (b"a", b"a", b"b"))
    honest = [first.of_test(i) for i in range(400)]
    assert honest == [again.of_test(i) for i in range(400)]
    assert honest != [other.of_test(i) for i in range(400)]
    quarters = [sum(350 * q <= count < 350 * (q + 1) for count in honest) for q in range(4)]
    assert min(quarters) > 70
    assert honest != sorted(honest)  # nor do they come in the order of their numbers


def test_a_test_is_due_with_the_clients_question_it_stands_beside() -> None:
    places = Places(30, 12, b"key")
    due = [places.due(until) for until in range(31)]
    assert (due[0], due[30]) == (0, 12)
    for until in range(1, 31):
        for number in places.order[due[until - 1] : due[until]]:
            beside = places.of_client(until - 1)
            assert abs(places.of_test(number) - beside) <= due[until] - due[until - 1]


def test_tests_stand_before_and_after_the_question_beside_them() -> None:
    places = Places(1, 40, b"key")
    before = sum(places.of_test(i) < places.of_client(0) for i in range(40))
    assert 5 < before < 35
    mine, honest = counts(places, 1, 40)
    assert sorted(mine + honest) == list(range(41))


def test_what_is_kept_of_a_client_is_spread_over_all_it_asked_whenever_it_stops() -> None:
    sample, kept = Sample(b"key", []), set[int]()
    for number in range(1000):
        out = sample.take(number)
        kept.add(number)
        kept.discard(-1 if out is None else out)
        assert len(kept) == min(KEPT, number + 1)
    assert min(kept) < 100
    assert max(kept) > 900


def test_what_is_kept_is_the_same_after_a_restart() -> None:
    straight, kept = Sample(b"key", []), set(range(300))
    for number in range(300):
        out = straight.take(number)
        kept.discard(-1 if out is None else out)
    first, halfway = Sample(b"key", []), set(range(150))
    for number in range(150):
        out = first.take(number)
        halfway.discard(-1 if out is None else out)
    second, resumed = Sample(b"key", sorted(halfway)), halfway | set(range(150, 300))
    for number in range(150, 300):
        out = second.take(number)
        resumed.discard(-1 if out is None else out)
    assert resumed == kept


def test_answers_survive_on_disk(tmp_path: Path) -> None:
    image = torch.arange(12, dtype=torch.uint8).reshape(1, 3, 2, 2)
    kept = Kept(tmp_path / "honest.sqlite")
    kept.keep_test(b"one", image)
    for number in (4, 2, 9):
        kept.keep_queried(number, image, 255 - image)
    kept.drop_queried(2)
    kept.close()
    again = Kept(tmp_path / "honest.sqlite")
    assert again.tests() == {b"one"}
    assert torch.equal(torch.as_tensor(again.test(b"one")), image)
    assert again.test(b"two") is None
    assert again.queried() == [4, 9]
    assert torch.equal(again.answers(9)["left"], 255 - image)
    assert torch.equal(again.answers(9)["plain"], image)
    again.close()
