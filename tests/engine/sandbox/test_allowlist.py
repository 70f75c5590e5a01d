"""Splitting a folder so that what is private in it is never allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.sandbox.allowlist import allow_except


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a/one", "a/two", "a/deep/x", "a/deep/y", "b/three", "c/four", "a-b/five"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path.resolve()


@pytest.mark.parametrize(
    ("root", "private", "read", "listing"),
    [
        (".", [], ["."], []),
        (".", ["elsewhere"], ["a", "a-b", "b", "c"], ["."]),
        (".", ["a"], ["a-b", "b", "c"], ["."]),
        (".", ["a/deep/x"], ["a/deep/y", "a/one", "a/two", "a-b", "b", "c"], [".", "a", "a/deep"]),
        (".", ["a/deep", "b/three"], ["a/one", "a/two", "a-b", "c"], [".", "a", "b"]),
        (".", ["a", "a/deep/x"], ["a-b", "b", "c"], ["."]),
        (".", ["a/deep/never/was"], ["a/deep/x", "a/deep/y", "a/one", "a/two", "a-b", "b", "c"], [".", "a", "a/deep"]),
        ("a", ["a"], [], []),
        ("a/deep", ["a"], [], []),
        ("a", ["b"], ["a"], []),
        ("a", ["a-b"], ["a"], []),
        ("a/one", [], ["a/one"], []),
        ("a/one", ["a/one"], [], []),
        ("nowhere", [], [], []),
    ],
)
def test_allows_all_but_the_private_paths(
    tree: Path, root: str, private: list[str], read: list[str], listing: list[str]
) -> None:
    found = allow_except(tree / root, [tree / name for name in private])
    assert (sorted(found[0]), sorted(found[1])) == (sorted(tree / n for n in read), sorted(tree / n for n in listing))


def test_a_private_path_reached_through_a_linked_root_is_left_out(tree: Path) -> None:
    (tree / "link").symlink_to("a")
    read, _ = allow_except(tree / "link", [tree / "link" / "one"])
    assert read == [tree / "a/deep", tree / "a/two"]


def test_a_private_link_hides_what_it_leads_to(tree: Path) -> None:
    (tree / "link").symlink_to("b/three")
    assert tree / "b" not in allow_except(tree, [tree / "link"])[0]


def test_links_in_a_split_folder_are_not_followed(tree: Path) -> None:
    (tree / "a/out").symlink_to("/etc")
    read, _ = allow_except(tree / "a", [tree / "a/one"])
    assert read == [tree / "a/deep", tree / "a/two"]
