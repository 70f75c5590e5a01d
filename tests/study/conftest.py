from __future__ import annotations

from pathlib import Path

import pytest
from study_factory import RULES, WISH, make_arms

from gexbench.study.pages import Made, make


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study, which nobody changes."""
    place = tmp_path_factory.mktemp("studies") / "study"
    make(make_arms(), WISH, RULES, place)
    return place


@pytest.fixture(scope="session")
def made(folder: Path) -> Made:
    """Return the study in it."""
    from gexbench.study.key import read_key

    key, study = read_key(folder)
    return Made(study, "", key)
