"""One file a corpus: its card, its reader and a miniature of it.

A data set answers two questions, `table()`: which records are there, whose are they and what is said of them; and
`read(record_id)`: what does this one look like. Ids are namespaced by corpus (`ptbxl:15709`), so that data sets can
be joined and a record or a patient that two of them share is recognised.
"""

__all__ = ["COLUMNS", "Card", "Dataset", "DatasetError", "fetch", "get", "names", "parse"]

import dataclasses
import inspect
import re
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import pandas as pd

from einthoven import registry
from einthoven.datasets._fetch import fetch
from einthoven.records.ecg import ECG

COLUMNS = {
    "record_id": "str, unique, namespaced by corpus",
    "patient_id": "str, namespaced by corpus, or missing where nobody knows",
    "source": "str, the corpus, or the hospital or device inside it",
    "age": "float, years, or missing",
    "sex": "'female', 'male' or missing",
    "fold": "Int64, the publisher's fold from 1, or missing",
    "positive": "list of codes that the record has, as `system:code`",
    "unknown": "list of codes of which nobody knows whether it has them",
}


class DatasetError(ValueError):
    """A corpus that cannot be read as it is; the message names the file, the fact and the remedy."""


@dataclasses.dataclass(frozen=True)
class Card:
    """The facts of a corpus.

    Attributes:
        name: Its name here, the file's.
        title: Its name in the world.
        description: What it holds, in a sentence or two.
        licence: As the publisher names it.
        citation: Whom to cite.
        url: Where it is published; empty if nowhere.
        contains: Corpora that it is known to share records with.
        download: Where its files are to be had without asking, as `physionet:ptb-xl/1.0.3` or `zenodo:4916206`;
            empty if nowhere.
        single: Whether each patient has one record, as its publisher states.
    """

    name: str
    title: str
    description: str
    licence: str
    citation: str
    url: str = ""
    contains: tuple[str, ...] = ()
    download: str = ""
    single: bool = False


@runtime_checkable
class Dataset(Protocol):
    """What every corpus offers.

    Attributes:
        card: Its facts.
        annotated: The codes, as `system:code`, that its annotators looked for. A record has such a code, lacks it, or
            it is listed as unknown for that record; any other code is unknown for every record.
        synthetic: Whether its ECGs were made rather than recorded.
        settings: What, besides the table, decides how the ECGs look, as JSON values.
    """

    card: ClassVar[Card]
    synthetic: ClassVar[bool]
    settings: dict[str, Any]

    @property
    def annotated(self) -> tuple[str, ...]:
        """The codes that its annotators looked for."""
        ...

    def table(self) -> pd.DataFrame:
        """One row a record, with `COLUMNS`, in a fixed order, and after them what else is known of a record.

        A window of a longer recording says of which, as `recording`, and from `start_s` to `stop_s` in it.
        """
        ...

    def read(self, record_id: str) -> ECG:
        """The recording, in its own rate and leads."""
        ...

    @staticmethod
    def miniature(folder: Path, seed: int = 0) -> "Dataset":
        """Writes a few simulated records into `folder` in the corpus's own format and opens them."""
        ...


names = partial(registry.names, "datasets")
_OPTION = re.compile(r",(\w+)=([^,]*)$")


def get(name: str, *args: Any, **kwargs: Any) -> Dataset:
    """Opens a corpus.

    Arguments:
        name: Which one; see `names()`.
        *args: Where it lies, mostly: `get("ptbxl", "/data/ptbxl")`.
        **kwargs: Further arguments of that corpus.

    Raises:
        UnknownName: If there is no such corpus.
        DatasetError: If it is not there or cannot be read.
    """

    return registry.get("datasets", name)(*args, **kwargs)


def parse(words: str) -> Dataset:
    """Opens what `NAME=WHERE` names, as the command line and the studies write it.

    Arguments:
        words: The corpus and its folder, and after a comma further arguments of it: `ptbxl=/data/ptbxl,rate_hz=100`.
            The simulated one has a number of patients for its place, or none: `simulated=400,difficulty=0.7`.

    Raises:
        UnknownName: If there is no such corpus.
        DatasetError: If it needs a place and none is given, or it cannot be read.
    """

    name, _, rest = words.partition("=")
    parameters = inspect.signature(registry.get("datasets", name)).parameters
    options: dict[str, Any] = {}
    while (found := _OPTION.search(rest)) and not Path(rest).exists():
        registry.nearest(found[1], list(parameters)[1:], f"argument of the data set '{name}':")
        options[found[1]] = registry.value(found[2])
        rest = rest[: found.start()]
    if not rest and next(iter(parameters.values())).default is inspect.Parameter.empty:
        raise DatasetError(f"the data set '{name}' needs a place: {name}=DIR")
    return get(name, *([rest] if rest else []), **options)
