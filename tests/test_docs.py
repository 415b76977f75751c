"""Every code block of the documentation is run, in the order of its page, in a folder with a miniature of PTB-XL.

Blocks marked `title=long` are commands that take hours or need data: their arguments are bound, and they are not run. A
block with the title of a source file is that file, and is put into its room for the rest of the page. Targets of
`make` must exist.
"""

import contextlib
import json
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from einthoven import registry
from einthoven.cli import _app, main
from einthoven.cli.study import _studies, study
from einthoven.datasets.ptbxl import PTBXL

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    if any("ptbxl" in text for _, title, text in blocks if title != "long"):
        PTBXL.miniature(tmp_path / "ptbxl")
    names: dict = {"__name__": "__main__"}
    for language, title, text in blocks:
        if language == "json":
            json.loads(text)
        elif language == "bash":
            for line in text.strip().splitlines():
                run_command(shlex.split(line), parse_only=title == "long")
        elif title:
            put_into_room(Path(title), text, tmp_path, monkeypatch)
        else:
            assert language == "python", f"{page.name}: a block in {language}, which nothing runs"
            exec(compile(text, str(page), "exec"), names)


def run_command(words: list[str], parse_only: bool) -> None:
    """Runs an `einthoven` command here; of a `make` command checks that its targets exist."""
    if words[0] == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(words[1:]) <= set(targets)
        return
    assert words[0] == "einthoven"
    if parse_only:
        quiet = {"exit_on_error": False, "print_error": False}
        _, bound, *_ = (study if words[1] == "study" else _app()).parse_args(
            words[1 + (words[1] == "study") :], **quiet
        )
        if words[1] == "study":
            _studies.parse_args(list(bound.args), **quiet)
    elif words[1] == "audit":
        with contextlib.suppress(SystemExit):  # how it ends says what it found
            main(words[1:])
    else:
        main(words[1:])


def put_into_room(file: Path, text: str, scratch: Path, monkeypatch) -> None:
    """Makes a source file part of its room, for this test alone."""
    room = file.parent.name
    folder = scratch / "rooms" / room
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file.name).write_text(text, encoding="utf-8")
    package = import_module(f"einthoven.{room}")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    registry.names.cache_clear()


@pytest.fixture(autouse=True)
def _fresh_registry():
    yield
    registry.names.cache_clear()
