"""From a matplotlib figure to a file or to a page.

Two ways out: `save` writes a file that is either whole or absent, `svg` gives text that can stand in an HTML page
beside other figures. Both are deterministic: the same figure gives the same bytes, without a date in them. Nothing
here (or in a figure made here) needs a display or pyplot's global state.
"""

__all__ = ["save", "svg"]

import io
import re
from html import escape
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from einthoven.records.writing import replacing

# What would otherwise put the moment of drawing into the file, by suffix.
_UNDATED: dict[str, dict[str, None]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
_NUMBER = re.compile(r"(\d+\.\d\d)\d+")


def save(figure: Figure, path: Path | str, dpi: float = 200.0) -> Path:
    """Writes a figure as PNG, SVG or PDF, in its physical size; a reader never sees half a file.

    Arguments:
        figure: What to write.
        path: Where to; the suffix chooses the format.
        dpi: Dots per inch of a PNG.

    Raises:
        ValueError: If the suffix is none of `.png`, `.svg` and `.pdf`.
        WriteError: If the folder does not exist or cannot be written to.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _UNDATED:
        raise ValueError(f"{path}: a figure is written as {', '.join(_UNDATED)}, not as '{path.suffix}'")
    with replacing(path) as temporary, matplotlib.rc_context({"svg.hashsalt": path.stem}):
        figure.savefig(temporary, format=suffix[1:], dpi=dpi, metadata=_UNDATED[suffix])
    return path


def svg(figure: Figure, name: str, label: str) -> str:
    """A figure as SVG text to stand inside an HTML page, however many others stand there too.

    Arguments:
        figure: What to draw.
        name: Unique in the page; it begins every id of this figure. Letters, digits and hyphens.
        label: What a reader who cannot see it should be told.

    Returns:
        One `<svg>` element without prolog; its text is text, so the page's font and search apply to it.
    """
    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg ") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.S)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'\bd="[^"]*"', _short, text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1).strip()


def _short(path: re.Match[str]) -> str:
    """A path with its numbers cut to 0.01 point (4 µm) and its line breaks removed."""
    return _NUMBER.sub(r"\1", path[0]).replace("\n", "").replace(" L", "L").replace(" M", "M")
