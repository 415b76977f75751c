"""Paper is a measuring instrument: these are the lengths that it promises."""

import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from einthoven.drawing.figures import save, svg
from einthoven.drawing.paper import paper
from einthoven.drawing.raster import raster
from einthoven.records.ecg import ECG
from einthoven.records.leads import TWELVE
from einthoven.records.writing import WriteError

RATE_HZ = 250.0
MM_PER_S, MM_PER_MV = 25.0, 10.0  # the promise itself, not what the module says of it


def flat(millivolts: float = 0.0, seconds: float = 10.0, leads: tuple[str, ...] = TWELVE) -> ECG:
    """A recording in which every lead holds one voltage, but for a flick in its first sample."""
    signal = np.full((len(leads), round(seconds * RATE_HZ)), millivolts, dtype=np.float32)
    signal[:, 0] += 0.01
    return ECG(signal, "mV", RATE_HZ, leads, record_id="1", source="test", age=56.0, sex="female")


def drawn(figure: Figure, gid: str) -> np.ndarray:
    """What the artist `gid` puts on paper, in mm from the page's lower left corner, shape `point 2`."""
    (artist,) = figure.findobj(lambda a: a.get_gid() == gid)
    path = artist.get_path()  # type: ignore[attr-defined]
    return artist.get_transform().transform(path.vertices) / figure.dpi * 25.4


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.axes[0].texts)


def test_pulse_is_one_millivolt_and_a_fifth_of_a_second() -> None:
    figure = paper(flat())
    for row in range(4):
        x, y = drawn(figure, f"pulse-{row}").T
        assert np.ptp(y) == pytest.approx(10.0)
        assert np.ptp(x[y > y.min() + 5.0]) == pytest.approx(0.2 * 25.0)


def test_a_second_is_25_mm_and_columns_follow_each_other() -> None:
    figure = paper(flat())
    strip = drawn(figure, "rhythm-II")[:, 0]
    assert np.ptp(strip) == pytest.approx((10.0 - 1 / RATE_HZ) * MM_PER_S)
    starts = [drawn(figure, f"lead-{name}")[0, 0] for name in ("I", "aVR", "V1", "V4")]
    assert np.diff(starts) == pytest.approx(2.5 * MM_PER_S)
    assert starts[0] == pytest.approx(strip[0])


def test_columns_show_consecutive_time() -> None:
    ramp = np.tile(np.arange(2500, dtype=np.float32) / 2500, (12, 1))
    figure = paper(ECG(ramp, "mV", RATE_HZ, TWELVE))
    heights = np.concatenate([drawn(figure, f"lead-{name}")[:625, 1] for name in ("III", "aVF", "V3", "V6")])
    whole = drawn(figure, "rhythm-II")[:, 1]
    assert heights - heights[0] == pytest.approx(whole - whole[0], abs=1e-4)


@pytest.mark.parametrize("millivolts", [-1.2, -0.5, 0.0, 0.3, 1.5])
def test_a_known_voltage_stands_at_its_height(millivolts: float) -> None:
    figure = paper(flat(millivolts))
    for row, name in enumerate(("V1", "V2", "V3")):
        baseline = drawn(figure, f"pulse-{row}")[0, 1]
        assert drawn(figure, f"lead-{name}")[-1, 1] - baseline == pytest.approx(millivolts * MM_PER_MV, abs=1e-4)


def test_grid_is_ruled_in_millimetres_and_baselines_lie_on_it() -> None:
    figure = paper(flat())
    for gid, step in (("grid-fine", 1.0), ("grid-coarse", 5.0)):
        x, y = drawn(figure, gid).T
        for values in (x, y):
            assert np.diff(np.unique(values.round(6))) == pytest.approx(step)
    coarse = np.unique(drawn(figure, "grid-coarse")[:, 1].round(6))
    assert all(np.abs(coarse - drawn(figure, f"pulse-{row}")[0, 1]).min() < 1e-6 for row in range(4))


def test_the_page_has_its_physical_size() -> None:
    figure = paper(flat())
    (width, height), axes = figure.get_size_inches() * 25.4, figure.axes[0]
    assert axes.get_xlim() == pytest.approx((0.0, width))
    assert axes.get_ylim() == pytest.approx((0.0, height))
    assert width < 297 and height < 210  # an A4 sheet, so it can be printed in true size


def test_standardised_leads_are_refused() -> None:
    with pytest.raises(ValueError, match="lost their amplitude"):
        paper(flat().replace(unit="z"))


def test_missing_samples_are_gaps() -> None:
    ecg = flat(0.5)
    signal = ecg.signal.copy()
    signal[TWELVE.index("V1"), 1300:1400] = np.nan
    line = drawn(paper(ecg.replace(signal=signal)), "lead-V1")
    assert np.isnan(line[50:150, 1]).all() and not np.isnan(line[:50, 1]).any()


def test_a_lead_without_any_sample_is_drawn_empty() -> None:
    ecg = flat(0.5)
    signal = ecg.signal.copy()
    signal[TWELVE.index("V1")] = np.nan
    figure = paper(ecg.replace(signal=signal), centre=True)
    assert "V1 is flat" in words(figure)


def test_absent_limb_leads_are_derived_and_others_left_out() -> None:
    figure = paper(flat(0.4, leads=("I", "II", "V1", "V2", "V3", "V4")))
    baseline = drawn(figure, "pulse-0")[0, 1]
    assert drawn(figure, "lead-aVR")[-1, 1] - baseline == pytest.approx(-0.4 * MM_PER_MV, abs=1e-4)
    assert not figure.findobj(lambda a: a.get_gid() in ("lead-V5", "lead-V6"))
    assert "derived: III, aVR, aVL, aVF" in words(figure)
    assert "not recorded: V5, V6" in words(figure)


def test_few_leads_get_full_strips() -> None:
    figure = paper(flat(leads=("MLII", "V5")))
    for name in ("MLII", "V5"):
        assert np.ptp(drawn(figure, f"lead-{name}")[:, 0]) == pytest.approx((10 - 1 / RATE_HZ) * MM_PER_S)
    assert "2 of 12 leads" in words(figure)


def test_short_and_long_recordings_say_what_they_show() -> None:
    assert "columns show the same time" in words(paper(flat(seconds=3.0)))
    assert "5–15 s of 60 s" in words(paper(flat(seconds=60.0), start_s=5.0))
    eight = paper(flat(seconds=8.0))
    assert np.ptp(drawn(eight, "lead-V4")[:, 0]) == pytest.approx((2.0 - 1 / RATE_HZ) * MM_PER_S)
    with pytest.raises(ValueError, match="nothing to draw"):
        paper(flat(seconds=8.0), start_s=8.0)


def test_tall_waves_stay_on_the_page_or_are_said_to_be_cut() -> None:
    ecg = flat()
    signal = ecg.signal.copy()
    signal[TWELVE.index("V1"), 1500] = 4.0
    tall = paper(ecg.replace(signal=signal))
    grid = drawn(tall, "grid-fine")[:, 1]
    assert drawn(tall, "lead-V1")[:, 1].max() <= grid.max()
    assert "cut" not in words(tall)
    signal[TWELVE.index("V1"), 1500] = 40.0
    absurd = paper(ecg.replace(signal=signal))
    assert "cut at the edge of the paper: V1" in words(absurd)
    (line,) = absurd.findobj(lambda a: a.get_gid() == "lead-V1")
    clip = line.get_clip_box()
    assert clip is not None
    assert clip.y1 / absurd.dpi * 25.4 == pytest.approx(drawn(absurd, "grid-fine")[:, 1].max())


def test_centring_takes_the_offset_away_and_says_so() -> None:
    figure = paper(flat(3.0), centre=True)
    assert drawn(figure, "lead-V2")[-1, 1] == pytest.approx(drawn(figure, "pulse-1")[0, 1], abs=1e-4)
    assert "centred" in words(figure)


def test_header_tells_who_and_how() -> None:
    text = words(paper(flat().replace(record_id="$a_1$ & <b>"), title="Missed AF"))
    for part in (
        "test:$a_1$ & <b>",
        "56 y, female",
        "250 Hz",
        "25 mm/s",
        "10 mm/mV",
        "Research use only",
        "Missed AF",
    ):
        assert part in text
    assert "age unknown, sex unknown" in words(paper(flat().replace(age=None, sex=None)))
    assert "SYNTHETIC" in words(paper(flat().replace(synthetic=True)))


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_files_are_whole_and_alike(tmp_path: Path, suffix: str) -> None:
    first = save(paper(flat()), tmp_path / f"page{suffix}").read_bytes()
    assert save(paper(flat()), tmp_path / f"page{suffix}").read_bytes() == first
    assert first.startswith({".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix])
    assert [path.name for path in tmp_path.iterdir()] == [f"page{suffix}"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(MemoryError):
        save(paper(flat()), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["page.png"]


def test_unknown_suffix_and_missing_folder_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"page\.bmp: a figure is written as \.png, \.svg, \.pdf"):
        save(paper(flat()), tmp_path / "page.bmp")
    with pytest.raises(WriteError, match="its folder cannot be written to"):
        save(paper(flat()), tmp_path / "nowhere" / "page.png")


def test_embedded_figures_share_no_id_and_are_alike() -> None:
    one, two = (svg(paper(flat().replace(record_id="<&>")), name, 'a "label"') for name in ("one", "two"))
    assert one == svg(paper(flat().replace(record_id="<&>")), "one", 'a "label"')
    ids = [[e.get("id") for e in ElementTree.fromstring(text).iter() if e.get("id")] for text in (one, two)]
    assert len(ids[0]) == len(set(ids[0])) and not set(ids[0]) & set(ids[1])
    assert one.startswith('<svg role="img" aria-label="a &quot;label&quot;"') and "<?xml" not in one
    for reference in ElementTree.fromstring(one).iter():
        target = (reference.get("clip-path") or "")[5:-1]
        assert not target or target in ids[0]


SIZE = (192, 512)
PX_PER_MM = 192 / 90


def middle(page: np.ndarray, rows: slice) -> np.ndarray:
    """Where the ink of each column of pixels lies in some rows, in pixels from the top of the page."""
    ink = page[rows]
    return (ink * (np.arange(rows.start, rows.stop) + 0.5)[:, None]).sum(axis=0) / ink.sum(axis=0)


@pytest.mark.parametrize("millivolts", [-1.2, 0.0, 0.7])
def test_a_picture_shows_a_voltage_at_its_height(millivolts: float) -> None:
    (page,) = raster(flat(millivolts).signal[None, :, 1:], TWELVE, "mV", size=SIZE)
    for row in range(3):
        band = slice(row * 64, (row + 1) * 64)
        expected = (15 + 30 * row - millivolts * MM_PER_MV) * PX_PER_MM
        np.testing.assert_allclose(middle(page, band), expected, atol=1e-3)
    np.testing.assert_allclose(page.sum(axis=0), 3.0, rtol=1e-5)  # a line is a pixel thick


def test_a_picture_has_its_leads_where_paper_has_them() -> None:
    """Each lead holds a voltage of its own, which its quarter of a row shows."""
    signal = np.repeat(np.linspace(-0.9, 0.9, 12, dtype=np.float32)[:, None], 1000, axis=1)
    (page,) = raster(signal[None], TWELVE, "mV", size=SIZE)
    figure = paper(ECG(signal + 1e-4 * np.arange(1000, dtype=np.float32), "mV", 100.0, TWELVE))
    for lead in TWELVE:
        x, y = drawn(figure, f"lead-{lead}").mean(axis=0)
        row = round((drawn(figure, "pulse-0")[0, 1] - (y - 10 * signal[TWELVE.index(lead), 0])) / 30)
        left = round((x - drawn(figure, "lead-I")[0, 0]) // (2.5 * MM_PER_S)) * 128
        found = middle(page[:, left : left + 128], slice(row * 64, (row + 1) * 64))
        np.testing.assert_allclose(found, (15 + 30 * row - 10 * signal[TWELVE.index(lead), 0]) * PX_PER_MM, atol=1e-3)


def test_a_spike_between_two_pixels_is_not_lost() -> None:
    signal = np.zeros((1, 12, 5000), dtype=np.float32)
    for at in range(100, 1200, 37):
        signal[0, 0, at] = 1.0
        (page,) = raster(signal, TWELVE, "mV", size=SIZE)
        top = np.flatnonzero(page[:64].any(axis=1))[0]
        assert top == pytest.approx(5 * PX_PER_MM, abs=1.5)
        signal[0, 0, at] = 0.0


def test_what_is_not_recorded_leaves_no_ink() -> None:
    signal = np.zeros((2, 11, 1000), dtype=np.float32)
    signal[1, 0, :500] = np.nan
    pages = raster(signal, TWELVE[:11], "mV", size=SIZE)
    assert not pages[:, 128:, 384:].any() and pages[:, 128:, :384].any(axis=1).all(), "V6"
    assert not pages[1, :64, :128].any() and pages[0, :64, :128].any()


def test_pictures_are_drawn_one_by_one_as_together_and_z_has_its_own_height() -> None:
    x = np.random.default_rng(0).standard_normal((4, 12, 1000)).astype(np.float32)
    pages = raster(x, TWELVE, "z")
    assert pages.shape == (4, 96, 512) and pages.dtype == np.float32 and 0 <= pages.min() < pages.max() <= 1
    np.testing.assert_array_equal(pages[2:3], raster(x[2:3], TWELVE, "z"))
    np.testing.assert_allclose(pages, raster(0.2 * x, TWELVE, "mV"), atol=1e-5)


@pytest.mark.parametrize(
    ("told", "words"),
    [({"size": (96, 511)}, "not 96 × 511"), ({"size": (95, 512)}, "not 95 × 512"), ({"unit": "uV"}, "use mV or z")],
)
def test_pages_that_cannot_be_are_refused(told: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        raster(np.zeros((1, 12, 1000), np.float32), TWELVE, **{"unit": "mV", **told})  # type: ignore[arg-type]
