"""What is noted while both sides run."""

from __future__ import annotations

from gexbench.engine.run.sides import Journal

from ..toy_orders import quiet


def test_an_incident_is_noted_once_and_in_the_order_of_the_first() -> None:
    journal = Journal(quiet)
    journal.note(("b", "a", "b"))
    journal.note(("c", "a"))
    assert journal.incidents == ["b", "a", "c"]


def test_at_most_fifty_incidents_are_noted() -> None:
    journal = Journal(quiet)
    for start in (0, 30, 60):
        journal.note(tuple(f"tried {number}" for number in range(start, start + 30)))
    assert journal.incidents == [f"tried {number}" for number in range(50)]
