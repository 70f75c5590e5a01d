"""What `import gexbench` gives: names, types, errors that say the way out."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import gexbench
from gexbench import errors
from gexbench.errors import AssetMissing, GexbenchError

ROOT = Path(__file__).resolve().parent.parent
NAMES = {"run", "curve", "cross", "score", "load_records", "load_surrogate", "Attack", "Defense", "Oracle", "Brief"}


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_name_is_there_and_listed() -> None:
    assert set(gexbench.__all__) >= NAMES
    assert set(dir(gexbench)) >= set(gexbench.__all__)
    assert all(getattr(gexbench, name) is not None for name in gexbench.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'gexbench' has no attribute 'runn'"):
        gexbench.runn  # noqa: B018
    with pytest.raises(ImportError):
        from gexbench import runn  # type: ignore[attr-defined]  # noqa: F401


def test_import_gexbench_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'pandas', 'pydantic', 'typer', 'rich'} & set(sys.modules)"
    assert python(f"import sys, gexbench; dir(gexbench); print({heavy} or '')") == ""


def test_the_verbs_of_runs_wait_with_torch_and_pandas_until_they_run() -> None:
    verbs = "gexbench.run, gexbench.curve, gexbench.cross, gexbench.score, gexbench.load_records"
    heavy = "{'torch', 'pandas', 'matplotlib'} & set(sys.modules)"
    assert python(f"import sys, gexbench; {verbs}, gexbench.load_surrogate; print({heavy} or '')") == ""


def test_records_are_read_without_torch() -> None:
    code = "import sys, gexbench; gexbench.load_records('leaderboards/sr'); print('torch' in sys.modules)"
    assert python(code) == "False"


def test_the_types_are_in_the_wheel() -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel")
    held = {file.distribution_path for file in wheel.WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {"gexbench/py.typed", "gexbench/__init__.py", "gexbench/_registry/tasks/sr.toml"} <= held
    assert "gexbench/_leaderboards/MAINTAINERS" in held
    records = [path for path in held if path.startswith("gexbench/_leaderboards/sr/records/")]
    assert len(records) == len(list((ROOT / "leaderboards" / "sr" / "records").glob("*.json")))


def test_a_traceback_shows_the_hint_and_the_message_stays_alone() -> None:
    error = GexbenchError("no such thing", "take the other one")
    assert (str(error), error.hint) == ("no such thing", "take the other one")
    assert "no such thing\nhint: take the other one\n" in "".join(traceback.format_exception(error))
    assert "hint" not in "".join(traceback.format_exception(GexbenchError("no such thing")))


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GexbenchError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_errors_come_through_pickle_and_copies_whole(kind: type[GexbenchError]) -> None:
    for again in (pickle.loads(pickle.dumps(kind("what", "how"))), copy.copy(kind("what", "how"))):
        assert (type(again), str(again), again.hint, again.__notes__) == (kind, "what", "how", ["hint: how"])
    assert AssetMissing("what").exit_code == 4
