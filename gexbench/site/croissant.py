"""Croissant 1.1 metadata: of the records as a data set, and of the data sets on cards, with what responsible use asks.

Source: MLCommons, Croissant Format Specification 1.1, and Croissant RAI Specification 1.0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from gexbench import __version__
from gexbench.boards.citation import bibtex, digest, newest
from gexbench.boards.frame import COLUMNS
from gexbench.boards.rank import Board
from gexbench.cards.published import SAYS, public
from gexbench.cards.schema import DatasetCard, SplitFiles
from gexbench.foreign_text import PARAGRAPH, shown

CONFORMS = "http://mlcommons.org/croissant/1.1"
RAI = "http://mlcommons.org/croissant/RAI/1.0"
_WORDS = (
    "arrayShape citeAs column containedIn equivalentProperty extract field fileProperty fileObject fileSet format "
    "includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace "
    "samplingRate separator source subField transform"
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{word: f"cr:{word}" for word in _WORDS.split()},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
"""The context of the specification, word for word."""
TYPES = {"str": "sc:Text", "int64": "sc:Integer", "Int64": "sc:Integer", "float64": "sc:Float", "boolean": "sc:Boolean"}
TOLD = {
    "id": "of the plan: it changes with whatever affects the numbers",
    "attack": "with the options that differ from its card",
    "defense": "with the options that differ from its card; empty where there was none",
    "budget": "images that may be asked",
    "compare": "A victim against truth, B surrogate against victim, C surrogate against truth; honest and queried: "
    "what a defense costs who asks",
    "n": "images that the number is of",
    "answered": "images that were asked and paid",
    "path": "of the record, from the root of the site",
}
"""What columns mean whose names do not say it."""


def of_records(boards: Sequence[Board], place: str, content: bytes) -> str:
    """Return the metadata of all records as one table. place: of the CSV from this file; content: its bytes."""
    day = max((newest(board) for board in boards), default="")
    data = _head("gexbench-records") | {
        "description": "Every number of every published run of gexbench: how well models behind an API were copied, by "
        "which attack, with how many answers, against which defense.",
        "license": "https://www.apache.org/licenses/LICENSE-2.0",
        "url": "https://pypi.org/project/gexbench/",
        "creator": {"@type": "Organization", "name": "The gexbench developers"},
        "version": __version__,
        **({"datePublished": day} if day else {}),
        "citeAs": "\n".join(bibtex(board) for board in boards),
        "rai:dataCollection": "Each row is a number that a program wrote at the end of a run, in a record sealed by a "
        "hash. Digests of the records by board: " + "; ".join(f"{b.card.name} {digest(b)}" for b in boards) + ".",
        "rai:dataUseCases": "To compare attacks and defenses at one task, profile, budget and victim.",
        "rai:dataLimitations": "Numbers of two tasks, profiles or victims are not comparable. Few seeds: see the "
        "boards for intervals. Profiles mini and small are reduced in size.",
        "rai:personalSensitiveInformation": "None: numbers, names of methods, and the make of a machine.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "scores.csv",
                "name": "scores.csv",
                "contentUrl": place,
                "encodingFormat": "text/csv",
                "sha256": sha256(content).hexdigest(),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "scores",
                "name": "scores",
                "field": [_field(name, kind) for name, kind in COLUMNS.items()],
            }
        ],
    }
    return _text(data)


def _field(name: str, kind: str) -> dict[str, Any]:
    told = {"description": TOLD[name]} if name in TOLD else {}
    source = {"fileObject": {"@id": "scores.csv"}, "extract": {"column": name}}
    return {
        "@type": "cr:Field",
        "@id": f"scores/{name}",
        "name": name,
        **told,
        "dataType": TYPES[kind],
        "source": source,
    }


def of_card(card: DatasetCard) -> str:
    """Return the metadata of a data set, of which nothing lies in the site: its splits are sets of files by name."""
    data = _head(card.name.replace("/", ".")) | {
        "description": _one_line(f"{card.summary} {card.stands_in_for}"),
        "license": _one_line(card.licence),
        "url": "https://pypi.org/project/gexbench/",
        "version": f"{card.version}.0.0",
        "citeAs": _one_line(card.source),
        "rai:dataCollection": _one_line(public(card)),
        "rai:dataUseCases": "To train and attack generative image services at a task of gexbench, and to score copies.",
        "rai:dataPreprocessingProtocol": _one_line(f"read by {card.reader}; {_values(card.settings)}"),
        "distribution": [_split(name, part) for name, part in card.splits.named().items()],
    }
    return _text({key: value for key, value in data.items() if value})


def _split(name: str, part: SplitFiles) -> dict[str, Any]:
    share = f", {part.share:g} of them, told by a hash of each name" if part.share else ""
    files = "images drawn by code, a name is a seed" if part.within == "code" else SAYS.get(part.within, "own files")
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": _one_line(files + share),
        "encodingFormat": "image/png" if part.within == "code" else "image/*",
        "includes": [_one_line(file) for file in part.files],
    }


def _head(name: str) -> dict[str, Any]:
    return {"@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": [CONFORMS, RAI], "name": name}


def _values(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in values.items()) or "no settings"


def _one_line(text: str) -> str:
    return shown(text.strip(), PARAGRAPH)


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
