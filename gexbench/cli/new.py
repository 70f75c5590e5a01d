"""`gexbench new`: a working submission to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Role = Literal["attack", "defense"]


def new(
    role: Annotated[Role, typer.Argument(help="What to write.")],
    name: Annotated[str, typer.Argument(help="Its name with your namespace in front, such as alice/mykd.")],
    kind: Annotated[
        str | None, typer.Option(help="The kind of task it is for: image-to-image, if none is named, or sampling.")
    ] = None,
    into: Annotated[Path | None, typer.Option("--in", help="Where; submissions/ if there is one, else here.")] = None,
) -> None:
    """Write a submission that works as it is: card, code, README.

    Example: `gexbench new attack alice/mykd`
    """
    template = _template(role, kind)
    folder = _place(role, name, into)
    files = _written(role, name, folder, template)
    commands = [line for line in (folder / "README.md").read_text("utf-8").splitlines() if line.startswith("gexbench ")]
    typer.echo(f"wrote {folder}: {', '.join(files)}")
    typer.echo("next:\n" + "\n".join(f"  {command}" for command in commands))


def _template(role: Role, kind: str | None) -> Traversable:
    """Return the folder of a template; raises GexbenchError for a kind of task that there is none for."""
    from importlib.resources import files
    from typing import get_args

    from gexbench.cards.schema import TaskKindName
    from gexbench.errors import GexbenchError, nearest

    kinds: tuple[str, ...] = get_args(TaskKindName)
    chosen = kinds[0] if kind is None else kind
    template = files("gexbench.templates").joinpath(role, chosen)
    if chosen not in kinds or not template.is_dir():
        raise GexbenchError(f"--kind {chosen!r} is no kind of task with a template", nearest(chosen, kinds))
    return template


def _place(role: Role, name: str, into: Path | None) -> Path:
    """Return the folder to make; raises GexbenchError for a bad name or a folder that is there already."""
    import re

    from gexbench.cards.schema import NAME
    from gexbench.errors import GexbenchError

    if not re.fullmatch(f"{NAME}/{NAME}", name):
        hint = f"small letters, digits and hyphens: {_tidied(name)}"
        raise GexbenchError(f"{name!r} is not a name for your {role}", hint)
    folder = (into or Path("submissions" if Path("submissions").is_dir() else ".")) / name
    if folder.exists() or folder.is_symlink():
        raise GexbenchError(f"{folder} is there already", "choose another name, or another place with --in")
    return folder


def _tidied(name: str) -> str:
    import re

    parts = [re.sub("[^a-z0-9]+", "-", part.lower()).strip("-") for part in name.split("/")]
    parts = [part for part in parts if part]
    return "/".join(parts[-2:] if len(parts) > 1 else ["yourname", *(parts or ["mine"])])


def _written(role: Role, name: str, folder: Path, template: Traversable) -> list[str]:
    """Write a template under another name; returns the files. Raises OutputError."""
    from gexbench.files import atomic_write

    names = ("card.toml", f"{role}.py", "README.md")
    for file in names:
        text = template.joinpath(file).read_text(encoding="utf-8")
        text = text.replace("me/mine", name).replace(f"Mine{role.capitalize()}", _class_name(role, name))
        atomic_write(folder / file, text.replace("FOLDER", _quoted(folder)).encode())
    return list(names)


def _class_name(role: Role, name: str) -> str:
    title = "".join(part.capitalize() for part in name.split("/")[1].split("-"))
    return title + role.capitalize() if title[0].isalpha() else role.capitalize() + title


def _quoted(folder: Path) -> str:
    import shlex

    return shlex.quote(str(folder))
