"""Many 12-lead ECGs as pictures at once, for networks that see paper: how much ink each pixel has, and no words.

The layout is that of `einthoven.drawing.paper`: three rows of four columns that follow each other in time, 30 mm from
baseline to baseline and 10 mm a millivolt; without a rhythm strip, pulses, grid and names. A line is a pixel thick and
covers of every pixel what it crosses from its lowest to its highest point within the pixel's time, so nothing is lost
between two columns of pixels.

Standardised leads have no millivolts: a deviation is drawn 2 mm tall, about what it is in most ECGs. A person is not
shown that, since no length could be read off it.
"""

__all__ = ["PAGE", "raster"]

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from einthoven.drawing.paper import GRID, MM_PER_MV, ROW_MM

PAGE = (96, 512)  # rows and columns of pixels
_ROWS = len(GRID)
_MM = {"mV": MM_PER_MV, "z": 2.0}


def raster(
    signal: Float[np.ndarray, "batch lead time"],
    leads: Sequence[str],
    unit: str,
    *,
    size: tuple[int, int] = PAGE,
) -> Float[np.ndarray, "batch height width"]:
    """The ink of each pixel, from 0 to 1, the first row at the top.

    Arguments:
        signal: Recordings as long as a page; NaN is a gap.
        leads: The name of each lead; the place of one that is not there stays empty.
        unit: mV, or z.
        size: Height and width of a page in pixels, multiples of three and of four. The height is 90 mm.

    Raises:
        ValueError: If the size is none, a recording is shorter than four samples, or there is no such unit.
    """

    height, width = size
    columns = len(GRID[0])
    if height < _ROWS or width < columns or height % _ROWS or width % columns:
        raise ValueError(f"a page is a multiple of {_ROWS} pixels tall and of {columns} wide, not {height} × {width}")
    if unit not in _MM:
        raise ValueError(f"a page of unit '{unit}' cannot be drawn; use mV or z")
    if signal.shape[2] < columns:
        raise ValueError(f"{signal.shape[2]} samples are no page; it takes {columns} at least")
    high, low = _reach(signal, leads, width // columns)
    per_mm = height / (_ROWS * ROW_MM)
    scale, page = _MM[unit] * per_mm, np.zeros((len(signal), height, width), dtype=np.float32)
    edge = np.arange(height, dtype=np.float32)[:, None]
    for row in range(_ROWS):
        baseline = (row + 0.5) * ROW_MM * per_mm
        top, bottom = (baseline - scale * part[:, row, None] + half for part, half in ((high, -0.5), (low, 0.5)))
        covered = np.minimum(bottom, edge + 1) - np.maximum(top, edge)
        np.maximum(page, np.nan_to_num(covered.clip(0, 1)), out=page)
    return page


def _reach(
    signal: Float[np.ndarray, "batch lead time"], leads: Sequence[str], width: int
) -> tuple[Float[np.ndarray, "batch row pixel"], Float[np.ndarray, "batch row pixel"]]:
    """The highest and the lowest that each row's line reaches within each column of pixels."""
    columns = len(GRID[0])
    each = signal.shape[2] // columns
    high = np.full((len(signal), _ROWS, columns * width), np.nan, dtype=np.float32)
    low = high.copy()
    at = np.linspace(0, each, width + 1)  # the edges of the pixels, in samples
    left = np.minimum(at.astype(np.int64), each - 1)
    share = (at - left).astype(np.float32)
    first_in = np.ceil(at[:-1]).astype(np.int64)
    some = first_in < np.append(first_in[1:], each + 1)  # whether there is a sample within a pixel at all
    for row, names in enumerate(GRID):
        for column, name in enumerate(names):
            if name not in leads:
                continue
            first = column * each
            part = signal[:, list(leads).index(name), first : first + each + 1]
            if part.shape[1] == each:  # the last column ends with its last sample
                part = np.concatenate([part, part[:, -1:]], axis=1)
            line = part[:, left] * (1 - share) + part[:, left + 1] * share
            pixels = slice(column * width, (column + 1) * width)
            for reach, further in ((high, np.maximum), (low, np.minimum)):
                edges = further(line[:, :-1], line[:, 1:])
                inside = further.reduceat(part, first_in, axis=1)
                reach[:, row, pixels] = np.where(some, further(edges, inside), edges)
    return high, low
