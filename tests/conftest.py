"""What all tests share: checked annotations, quiet threads, and the way to the real recordings."""

import gc
import os
from pathlib import Path

# Before anything imports torch: idle threads that spin make small convolutions a hundred times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import hypothesis
import jaxtyping
import pytest

# Before anything imports einthoven: shapes and types of every annotated function are checked while the tests run.
jaxtyping.install_import_hook("einthoven", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

# No test looks at a clock, and the same commit is tested on the same examples.
hypothesis.settings.register_profile("einthoven", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("einthoven")

_LONGEST = ("studies", "test_docs.py", "real")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it at the end."""
    tests = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(tests).parts[0] not in _LONGEST)


def pytest_collection_finish() -> None:
    """What is imported by now stays; no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real recordings: `$EINTHOVEN_DATA`, else `../shared/data` beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("EINTHOVEN_DATA") or beside)
    if not (folder / "ptbxl" / "ptbxl_database.csv").is_file():
        pytest.skip(f"no real recordings in {folder}; unpack them there or set EINTHOVEN_DATA")
    return folder
