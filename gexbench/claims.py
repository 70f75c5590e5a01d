"""The verb of ownership: is this model a copy of the one that was defended?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.bench import Progress, folders_of, quiet
from gexbench.cards.catalog import Catalog
from gexbench.errors import PlanError
from gexbench.ownership import Ownership
from gexbench.record import RunRecord, read_record, record_file

if TYPE_CHECKING:
    from gexbench.engine.kinds.evidence import Exhibits
    from gexbench.engine.run.retrial import Suspect


def ownership(
    run: str | Path,
    suspect: str | Path,
    *,
    defense: str | None = None,
    registry: str | Path | Iterable[str | Path] = (),
    code: str | Path | None = None,
    progress: Progress = quiet,
) -> Ownership:
    """Return what the defense of a run concludes of a suspect, which is judged as the run's own surrogate was.

    run: the folder of a defended run, where its key lies. suspect: a run's folder, or one of images: an answer of the
    suspect's to each question (see `questions`), or of a service that draws, images that it drew. defense: its name, to
    be sure. code: for a suspect's run of a plug-in, its folder, as in `load_surrogate`. Raises GexbenchError.
    """
    from gexbench.engine.run.retrial import exhibits_of, retried

    place, record = _defended(run, defense)
    exhibits = exhibits_of(place, record)
    accused = _accused(place, Path(suspect), exhibits, record, code)
    return retried(place, record, Catalog.load(folders_of(registry)), accused, progress)


def questions(run: str | Path, to: str | Path) -> int:
    """Write what suspects of a defended run are asked as PNGs into a folder, and return how many; none where it draws.

    Raises GexbenchError.
    """
    from gexbench.engine.run.retrial import exhibits_of, write_questions

    place, record = _defended(run, None)
    return write_questions(exhibits_of(place, record), Path(to))


def _defended(run: str | Path, defense: str | None) -> tuple[Path, RunRecord]:
    file = record_file(Path(run))
    record = read_record(file)
    card, name = record.plan.defense, record.plan.run_name
    if card is None or (defense is not None and card.name != defense):
        told = "no defense" if card is None else f"{card.name!r}, not {defense!r}"
        raise PlanError(f"the run {name} was against {told}", "give the folder of a run that was: --run FOLDER")
    if not card.claims:
        raise PlanError(f"the defense {card.name!r} claims nothing", "name one whose card says claims = true")
    if record.ownership is None:
        raise PlanError(f"nothing was judged in the run {name}", "give a run that ended well, or run it again")
    return file.parent, record


def _accused(place: Path, suspect: Path, exhibits: Exhibits, record: RunRecord, code: str | Path | None) -> Suspect:
    from gexbench.engine.run.retrial import Suspect, from_images, from_surrogate
    from gexbench.surrogate import load_surrogate

    file = record_file(suspect)
    if not file.is_file():
        return from_images(exhibits, suspect)
    if file.resolve().parent == place.resolve():
        return Suspect(exhibits.suspect, record.surrogate_sha256)
    theirs = read_record(file)
    ours, other = (f"{each.plan.task.name} at {each.plan.profile.name}" for each in (record, theirs))
    if ours != other:
        raise PlanError(f"the suspect is of {other}, the defended run of {ours}", "give a run of the same task")
    return from_surrogate(exhibits, load_surrogate(suspect, code=code), theirs)
