"""What must hold of learning without labels: what is hidden, what is shuffled, and that only shapes name a lead."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.fft import irfft, rfft
from torch import Tensor, nn

from einthoven import objectives, registry
from einthoven.datasets.simulated import Simulated
from einthoven.layers.temporal import Conv
from einthoven.models import Encoder, Shape, build
from einthoven.objectives._pretext import amplitude, correlation, line, naming_loss, reconstruction_loss
from einthoven.objectives.lead_order import LeadOrder
from einthoven.objectives.masked import Masked
from einthoven.objectives.masked_lead_order import MaskedLeadOrder
from einthoven.objectives.predictive import Predictive
from einthoven.records.preparation import Preparation
from einthoven.signals.equalise import equalise
from einthoven.transforms.drop_leads import DropLeads
from einthoven.transforms.hide import Hide
from einthoven.transforms.shuffle_leads import ShuffleLeads

RATE = 100.0
PRETEXTS = objectives.pretexts()


def noise(batch: int = 6, leads: int = 12, samples: int = 250, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((batch, leads, samples)).astype(np.float32)


@pytest.fixture(scope="module")
def ecgs() -> np.ndarray:
    """Four seconds of each of 240 simulated patients, in millivolt."""
    made, prepare = Simulated(240, visits=(1, 1), seed=3, rate_hz=RATE), Preparation(RATE, "mV")
    return np.stack([prepare(made.read(name)).signal[:, 250:650] for name in made.table()["record_id"]])


class Small(Encoder):
    """Three convolutions: enough to name leads, and quick."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.stride, self.channels, self.width = 8, 48, 96
        places = (shape.leads, 48, 48, 48)
        layers = [Conv(a, b, 9, stride=2, padding=4) for a, b in zip(places[:-1], places[1:], strict=True)]
        self.body = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU())))
        self.reset_head(shape.classes)

    def reset_head(self, classes: int) -> None:
        self.head = nn.Linear(self.width, classes)

    def sequence(self, x: Tensor) -> Tensor:
        return self.body(x)

    def pool(self, sequence: Tensor) -> Tensor:
        return torch.cat([sequence.amax(dim=-1), sequence.mean(dim=-1)], dim=1)


def small(leads: int = 12, samples: int = 250, seed: int = 0) -> Small:
    torch.manual_seed(seed)
    return Small(Shape(leads, samples, RATE, 1, gaps=True))


def tensors(batch: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {key: torch.from_numpy(value) for key, value in batch.items()}


# What is hidden


@given(st.integers(20, 400), st.floats(0.05, 0.5), st.floats(0.0, 0.45), st.floats(0.02, 3.0), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_something_is_hidden_and_never_everything(
    length: int, low: float, more: float, span_s: float, seed: int
) -> None:
    hide = Hide((low, low + more), (span_s, 2 * span_s), rise=0.0)
    hidden = hide.draw(9, length, RATE, np.random.default_rng(seed))
    assert hidden.shape == (9, length)
    assert hidden.any(axis=1).all() and not hidden.all(axis=1).any()


def test_the_share_that_is_hidden_is_the_one_asked_for_and_rises() -> None:
    hide = Hide((0.2, 0.6), (0.1, 0.2), rise=0.5)
    assert [hide.largest(progress) for progress in (0, 0.25, 0.5, 1)] == pytest.approx([0.2, 0.4, 0.6, 0.6])
    shares = [hide.draw(400, 500, RATE, np.random.default_rng(1), at).mean(axis=1) for at in (0.0, 0.25, 1.0)]
    for share, mean, most in zip(shares, (0.2, 0.3, 0.4), (0.2, 0.4, 0.6), strict=True):
        assert abs(share.mean() - mean) < 0.02 and share.max() < most + 0.05 and share.min() > 0.14


def test_spans_are_as_long_as_asked_for() -> None:
    hidden = Hide((0.1, 0.1), (0.5, 0.5), rise=0.0).draw(50, 1000, RATE, np.random.default_rng(0))
    edges = np.diff(np.pad(hidden, ((0, 0), (1, 1))).astype(int), axis=1)
    lengths = np.concatenate([np.flatnonzero(row == -1) - np.flatnonzero(row == 1) for row in edges])
    assert lengths.max() <= 100 and np.median(lengths) == 50


def test_what_is_hidden_is_a_gap_in_all_leads_and_the_rest_is_as_it_was() -> None:
    x, hide = noise(), Hide()
    hidden = hide.draw(len(x), x.shape[2], RATE, np.random.default_rng(0))
    gone = np.isnan(hide.apply(x, hidden))
    assert (gone == hidden[:, None]).all()
    np.testing.assert_array_equal(np.where(gone, x, hide.apply(x, hidden)), x)
    again = hide.draw(len(x), x.shape[2], RATE, np.random.default_rng(0))
    np.testing.assert_array_equal(hidden, again)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"ratio": (0.5, 0.2)}, "from small to large"),
        ({"ratio": (0.0, 0.2)}, "between 0 and 1"),
        ({"ratio": (0.5, 1.0)}, "between 0 and 1"),
        ({"span_s": (0.0, 1.0)}, "longer than 0 s"),
        ({"span_s": (2.0, 1.0)}, "from short to long"),
        ({"rise": 1.5}, "share of the training"),
    ],
)
def test_what_cannot_be_hidden_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Hide(**arguments)
    for name in ("masked", "masked_lead_order"):
        with pytest.raises(ValueError, match=words):
            objectives.build(name, **arguments)


# Leads in an order of their own, or lost


def test_a_shuffle_is_undone_by_its_inverse() -> None:
    x, shuffle = noise(), ShuffleLeads()
    order = shuffle.draw(len(x), 12, np.random.default_rng(0))
    assert (np.sort(order, axis=1) == np.arange(12)).all() and len(np.unique(order, axis=0)) == len(x)
    mixed = shuffle.apply(x, order)
    np.testing.assert_array_equal(mixed[2, 5], x[2, order[2, 5]])
    np.testing.assert_array_equal(shuffle.apply(mixed, shuffle.invert(order)), x)


def test_every_place_holds_every_lead_equally_often() -> None:
    order = ShuffleLeads().draw(12_000, 12, np.random.default_rng(0))
    counts = np.stack([np.bincount(order[:, place], minlength=12) for place in range(12)])
    assert (abs(counts - 1000) < 5 * np.sqrt(1000 * 11 / 12)).all()


@given(st.floats(0, 1), st.integers(2, 12), st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_a_signal_keeps_a_lead_at_least(share: float, leads: int, seed: int) -> None:
    lost = DropLeads(share).draw(200, leads, np.random.default_rng(seed))
    assert not lost.all(axis=1).any()
    assert lost.any(axis=1).mean() <= share + 0.15
    if share == 0:
        assert not lost.any()


def test_lost_leads_are_marked_missing() -> None:
    x = noise()
    lost = DropLeads(1.0).draw(len(x), 12, np.random.default_rng(0))
    gone = np.isnan(DropLeads(1.0).apply(x, lost))
    assert (gone == lost[:, :, None]).all()
    for refused in (lambda: DropLeads(1.1), lambda: LeadOrder(1.1), lambda: Masked(subset=-0.1)):
        with pytest.raises(ValueError, match=r"lies in \[0, 1\]"):
            refused()
    with pytest.raises(ValueError, match="count more than nothing"):
        MaskedLeadOrder(weight=0)


# One spectrum for all leads


def smoothed_power(x: np.ndarray, width: int = 9) -> np.ndarray:
    power = np.abs(rfft(x, axis=2)) ** 2
    return np.stack([[np.convolve(lead, np.ones(width) / width, "valid") for lead in one] for one in power])


def test_equalised_leads_have_one_spectrum_and_one_amplitude() -> None:
    x = noise(samples=1000)
    x = np.cumsum(x, axis=2) * np.linspace(0.1, 3, 12)[:, None] + 7 * x * (np.arange(12) % 2)[:, None]
    spread = lambda y: np.median(np.log(smoothed_power(y)).std(axis=1))  # noqa: E731 - between leads
    y = equalise(x.astype(np.float32), RATE)
    assert spread(y) < 0.2 * spread(x)
    np.testing.assert_allclose(y.mean(axis=2), 0, atol=1e-5)
    np.testing.assert_allclose(np.square(y).mean(axis=2), 1, atol=1e-4)


def test_gains_and_offsets_of_leads_do_not_matter(ecgs: np.ndarray) -> None:
    x = ecgs[:5]
    gains = np.linspace(0.2, 4, 12, dtype=np.float32)[:, None]
    np.testing.assert_allclose(equalise(x * gains + gains, RATE), equalise(x, RATE), atol=2e-3)


def test_a_filter_of_one_lead_is_undone_and_no_phase_is_changed(ecgs: np.ndarray) -> None:
    x = ecgs[:8].copy()
    y = equalise(x, RATE)
    per_lead = [np.corrcoef(x[i, k], y[i, k])[0, 1] for i in range(8) for k in range(12)]
    assert np.median(per_lead) > 0.95  # it still looks like an ECG
    kernel = np.array([0.25, 0.5, 0.25])
    x[:, 6] = np.apply_along_axis(np.convolve, 1, x[:, 6], kernel, "same")
    z = equalise(x, RATE)
    before = np.abs(x[:, 6] - ecgs[:8, 6]).mean() / np.abs(ecgs[:8, 6]).mean()
    assert np.abs(z[:, 6] - y[:, 6]).mean() < max(0.15, before)


def test_padding_of_one_lead_silences_all_and_a_flat_lead_is_missing(ecgs: np.ndarray) -> None:
    x = ecgs[:3].copy()
    x[:, 2, :40], x[:, 7, 350:], x[:, 9] = 0.0, -1.0, 0.3
    y = equalise(x, RATE)
    assert np.isnan(y[:, 9]).all()
    rest = np.delete(y, 9, axis=1)
    gaps = np.isnan(rest)
    assert (gaps == gaps[:, :1]).all() and gaps[:, :, :40].all() and gaps[:, :, 350:].all()
    assert not gaps[:, :, 41:349].any()
    np.testing.assert_allclose(np.nanmean(rest, axis=2), 0, atol=1e-4)
    x[:, :, 100:110] = np.nan
    assert np.isnan(equalise(x, RATE)[:, :, 100:110]).all()


def test_nothing_but_flat_leads_is_nothing() -> None:
    assert np.isnan(equalise(np.ones((2, 12, 100), dtype=np.float32), RATE)).all()


# Losses


def test_the_reconstruction_loss_looks_at_hidden_samples_alone_and_is_free_of_gains() -> None:
    batch = tensors(Masked().draw(noise(), RATE, np.random.default_rng(0)))
    signal, hidden = batch["signal"], batch["hidden"]
    parts = batch["spread"], hidden
    assert reconstruction_loss(signal, signal, *parts) == 0
    wrong = torch.where(hidden[:, None], signal, signal + 100)
    assert reconstruction_loss(wrong, signal, *parts) == 0
    near = signal + 0.01 * torch.randn(signal.shape, generator=torch.Generator().manual_seed(0))
    asked = hidden[:, None].expand_as(signal)
    error = ((near - signal) / batch["spread"])[asked].square().mean()
    torch.testing.assert_close(reconstruction_loss(near, signal, *parts), error)
    gains = torch.linspace(0.2, 5, 12)[:, None]
    scaled = torch.from_numpy(amplitude((signal * gains).numpy()))
    torch.testing.assert_close(reconstruction_loss(near * gains, signal * gains, scaled, hidden), error)


def test_what_was_not_there_is_not_asked_for() -> None:
    x = noise()
    x[0] = np.nan
    x[1, 3] = np.nan
    for name in PRETEXTS:
        objective = objectives.build(name)
        batch = tensors(objective.draw(x, RATE, np.random.default_rng(0), 1.0))
        network = objective.network(small())
        found = objective(network, batch)
        found["loss"].backward()
        assert torch.isfinite(found["loss"])
        assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
        measured = objective.measure(found, batch)
        assert all(torch.isnan(value[0]) and torch.isfinite(value[1:]).all() for value in measured.values())


def test_padding_is_not_asked_for_and_not_marked() -> None:
    x = noise()
    x[:, :, :60], x[:, 5] = 0, 0
    batch = Masked().draw(x, RATE, np.random.default_rng(0))
    assert np.isnan(batch["signal"][:, :, :60]).all() and np.isnan(batch["signal"][:, 5]).all()
    seen = ~np.isnan(batch["x"])
    np.testing.assert_array_equal(batch["x"][seen], x[seen])
    np.testing.assert_array_equal(seen, np.broadcast_to(~batch["hidden"][:, None], x.shape))


def test_the_naming_loss_of_a_guess_is_ln_12_and_of_the_truth_0() -> None:
    order = torch.from_numpy(ShuffleLeads().draw(5, 12, np.random.default_rng(0)))
    there = torch.ones(5, 12, dtype=torch.bool)
    assert naming_loss(torch.zeros(5, 12, 12), order, there).item() == pytest.approx(np.log(12))
    sure = 50 * nn.functional.one_hot(order, 12).float()
    assert naming_loss(sure, order, there).item() == pytest.approx(0, abs=1e-6)
    wrong = sure.roll(1, dims=0)
    there[1:] = False
    assert naming_loss(wrong, order, there) > 1 and naming_loss(sure, order, there) < 1e-6
    assert naming_loss(wrong, order, torch.zeros_like(there)) == 0


def test_correlation_is_that_of_numpy() -> None:
    x, hidden = noise(3, 1), np.zeros((3, 250), dtype=bool)
    hidden[:, 50:120] = True
    y = 0.5 * x + noise(3, 1, seed=1)
    got = correlation(torch.from_numpy(y), torch.from_numpy(x), torch.from_numpy(hidden))
    want = [np.corrcoef(x[i, 0, 50:120], y[i, 0, 50:120])[0, 1] for i in range(3)]
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_lines_bridge_what_is_hidden() -> None:
    ramp = torch.arange(20.0).expand(2, 3, 20)
    hidden = torch.zeros(2, 20, dtype=torch.bool)
    hidden[:, 5:9] = hidden[:, 18:] = True
    bridged = line(ramp, hidden)
    assert torch.equal(bridged[..., :18], ramp[..., :18]) and (bridged[..., 18:] == 17).all()


# Every objective without labels


@pytest.mark.parametrize("name", PRETEXTS)
class TestPretext:
    """Every one of them."""

    def test_the_same_draw_gives_the_same_batch(self, name: str) -> None:
        objective, x = objectives.build(name), noise()
        one, two, other = (objective.draw(x, RATE, np.random.default_rng(seed), 0.5) for seed in (0, 0, 1))
        assert all(np.array_equal(one[key], two[key], equal_nan=True) for key in one)
        assert not np.array_equal(one["x"], other["x"], equal_nan=True)

    @pytest.mark.parametrize("model", ["code_resnet", "ecg_vit", "small"])
    def test_every_parameter_gets_a_gradient(self, name: str, model: str) -> None:
        length = 2048 if model == "code_resnet" else 250  # of which a vector stands for 256 samples
        shape = Shape(12, length, RATE, 1, gaps=True)
        encoder = Small(shape) if model == "small" else build(model, shape)
        objective = objectives.build(name, subset=0.5)
        network = objective.network(encoder)
        batch = tensors(objective.draw(noise(8, samples=length), RATE, np.random.default_rng(0), 1.0))
        found = objective(network, batch)
        found["loss"].backward()
        for key, parameter in network.named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), key
            assert parameter.grad.abs().max() > 0, key
        if "signal" in found:
            assert found["signal"].shape == (8, 12, length)
        if "names" in found:
            assert found["names"].shape == (8, 12, 12)

    def test_options_survive_json_and_unknown_ones_are_refused(self, name: str) -> None:
        own = {"lead_order": {}, "predictive": {"seen": [0.3, 0.4]}}
        options: dict[str, Any] = own.get(name, {"ratio": [0.3, 0.4]}) | {"subset": 0.25}
        made = objectives.build(name, **options)
        assert made.subset == 0.25 and hash(made) == hash(objectives.build(name, **options))
        with pytest.raises(registry.UnknownName, match="did you mean 'subset'"):
            objectives.build(name, subsett=0.1)


def test_both_tasks_are_the_sum_of_the_two() -> None:
    both = MaskedLeadOrder(weight=0.7)
    network = both.network(small())
    batch = tensors(both.draw(noise(), RATE, np.random.default_rng(0)))
    found = both(network, batch)
    masked = reconstruction_loss(found["signal"], batch["signal"], batch["spread"], batch["hidden"])
    named = naming_loss(found["names"], batch["order"], batch["there"])
    torch.testing.assert_close(found["loss"], masked + 0.7 * named)
    assert set(both.measure(found, batch)) == {"correlation", "correlation_of_lines", "named"}


def test_only_labelled_objectives_have_no_draw_and_only_those_of_encoders_a_network() -> None:
    drawing = {name for name in objectives.names() if hasattr(registry.get("objectives", name), "draw")}
    assert set(objectives.names()) - drawing == {"classify", "categorical", "asymmetric"}
    assert set(PRETEXTS) == {"masked", "lead_order", "masked_lead_order", "predictive"} < drawing


def test_the_future_is_hidden_and_pieces_of_it_are_asked_for() -> None:
    objective, x = Predictive(seen=(0.5, 0.7)), noise()
    drawn = objective.draw(x, RATE, np.random.default_rng(0))
    hidden = drawn["hidden"]
    moment = hidden.argmax(axis=1)
    assert (np.diff(hidden.astype(int), axis=1) >= 0).all() and ((moment >= 124) & (moment <= 176)).all()
    np.testing.assert_array_equal(np.isnan(drawn["x"]), np.repeat(hidden[:, None], 12, axis=1))
    np.testing.assert_array_equal(drawn["signal"], x)
    found = objective(objective.network(small()), tensors(drawn))
    length = 8  # a step of this encoder, the nearest to a tenth of a second
    pieces = [(row, piece) for row in range(6) for piece in range(250 // length) if piece * length >= moment[row]]
    assert [(int(p) // 31, int(p) % 31) for p in found["place"]] == pieces


@pytest.mark.parametrize("length", [250, 500])
@pytest.mark.parametrize("name", ["xresnet1d101", "state_space", "ecg_vit"])
def test_nothing_of_a_piece_that_is_asked_for_is_seen(name: str, length: int) -> None:
    objective = Predictive()
    network = objective.network(build(name, Shape(12, length, RATE, 1, gaps=True)))
    batch = tensors(objective.draw(noise(64, samples=length), RATE, np.random.default_rng(0)))
    with torch.inference_mode():
        found = objective(network, batch)
    pieces = length // network.length
    hidden = batch["hidden"][:, : pieces * network.length].reshape(64, pieces, network.length)
    assert found["piece"].shape[-1] == pieces
    assert torch.equal(found["asked"], hidden.all(dim=2)) and found["asked"].any()


def test_what_is_predicted_hangs_on_what_is_seen_and_a_piece_on_itself_alone() -> None:
    objective, x = Predictive(), noise()
    drawn = tensors(objective.draw(x, RATE, np.random.default_rng(0)))
    network = objective.network(small())
    before = objective(network, drawn)
    other = drawn["signal"].clone()
    other[2, :, 200:] += 1.0
    after = objective(network, {**drawn, "signal": other})
    assert torch.equal(before["predicted"], after["predicted"])
    changed = (before["piece"] != after["piece"]).any(dim=1)
    assert changed.any(dim=1).tolist() == [False, False, True, False, False, False] and not changed[2, : 200 // 8].any()


def test_steps_that_are_longer_than_what_is_hidden_are_refused() -> None:
    with pytest.raises(ValueError, match="a step of this encoder is 2.6 s long, and often only 2 s are hidden"):
        Predictive().network(build("code_resnet", Shape(12, 1000, RATE, 1, gaps=True)))


def test_what_can_be_told_apart_is_learnt_and_what_cannot_is_a_guess() -> None:
    """A sine that goes on can be predicted; noise that nobody has seen cannot."""
    rng, time = np.random.default_rng(0), np.arange(250) / RATE
    phase, pitch = rng.uniform(0, 2 * np.pi, (2, 64, 12, 1))
    waves = np.sin(2 * np.pi * (0.8 + 0.2 * pitch) * time + phase).astype(np.float32)
    share = {}
    for name, x in (("waves", waves), ("noise", noise(64))):
        objective, network = Predictive(seen=(0.5, 0.6)), Predictive().network(small())
        optimizer = torch.optim.Adam(network.parameters(), 3e-3)
        for _ in range(60):
            batch = tensors(objective.draw(x[rng.permutation(48)[:24]], RATE, rng))
            objective(network, batch)["loss"].backward()
            optimizer.step()
            optimizer.zero_grad()
        batch = tensors(objective.draw(x[48:], RATE, rng))
        with torch.inference_mode():
            found = objective(network.eval(), batch)
        share[name] = float(objective.measure(found, batch)["picked"].mean())
    guess = 1 / len(found["place"])
    assert share["waves"] > 6 * guess and share["noise"] < 4 * guess


def test_of_padding_nothing_is_asked_and_of_nothing_the_loss_is_zero() -> None:
    objective, x = Predictive(), noise()
    x[3, :, 100:] = 0.0
    x[:3] = 0.0
    drawn = tensors(objective.draw(x, RATE, np.random.default_rng(0)))
    found = objective(objective.network(small()), drawn)
    assert set((found["place"] // 31).tolist()) == {4, 5}
    share = objective.measure(found, drawn)["picked"]
    assert torch.isnan(share).tolist() == [True] * 4 + [False] * 2
    nothing = tensors(objective.draw(0 * x, RATE, np.random.default_rng(0)))
    loss = objective(objective.network(small()), nothing)["loss"]
    assert loss.item() == 0 and torch.isfinite(loss)


@pytest.mark.parametrize(
    ("told", "words"), [({"seen": (0.7, 0.3)}, "from small to large"), ({"temperature": 0.0}, "above 0, not at 0")]
)
def test_what_cannot_be_predicted_is_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Predictive(**told)


@pytest.mark.parametrize("model", ["code_resnet", "xresnet1d101", "ecg_vit", "state_space"])
def test_a_reconstruction_lies_over_its_signal(model: str) -> None:
    """A decoder that knows the samples of each step gives the signal back, whatever its length."""
    shape = Shape(12, 250, RATE, 1, gaps=True)
    torch.manual_seed(0)
    encoder = build(model, shape)
    network = Masked().network(encoder).eval()
    for samples in (250, 240, 201):
        steps = encoder.steps(torch.zeros(1, 12, samples)).shape[-1]
        first = encoder.offset(samples)
        assert first + samples <= steps * encoder.stride
        ramp = torch.arange(steps * encoder.stride).float() - first  # what each place of the patches should hold
        patches = ramp.view(1, 1, steps, -1).expand(1, 12, -1, -1).transpose(2, 3).reshape(1, -1, steps)
        assert torch.equal(network._signal(patches, samples)[0, 4], torch.arange(samples).float())


# Only morphology names a lead


def taught(x: np.ndarray, held: np.ndarray, see: Callable[..., dict[str, np.ndarray]], steps: int = 150) -> float:
    """The share of held-out leads that a small network names after some steps; `see` makes the batches."""
    objective, rng = LeadOrder(), np.random.default_rng(0)
    network = objective.network(small(samples=x.shape[2]))
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(steps):
        batch = tensors(see(x[rng.integers(len(x), size=48)], rng))
        optimizer.zero_grad()
        objective(network, batch)["loss"].backward()
        optimizer.step()
    network.eval()
    batch = tensors(see(np.concatenate([held] * 4), np.random.default_rng(9)))
    with torch.no_grad():
        return objective.measure(objective(network, batch), batch)["named"].mean().item()


def asked(x: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return LeadOrder().draw(x.astype(np.float32), RATE, rng)


def shuffled(x: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The task on leads as they are."""
    order = ShuffleLeads().draw(len(x), 12, rng)
    x = ShuffleLeads().apply(x.astype(np.float32), order)
    return {"x": x, "order": order, "there": np.ones(order.shape, dtype=bool)}


def surrogate(x: np.ndarray, rng: np.random.Generator, together: bool = False) -> np.ndarray:
    """Noise with the spectrum and the amplitude of each lead, and none of its shape: phases at random.

    Where all leads are turned `together` they go on to be correlated as they were.
    """
    spectrum = rfft(x, axis=2)
    turned = rng.random((len(x), 1, spectrum.shape[2]) if together else spectrum.shape)
    return irfft(spectrum * np.exp(2j * np.pi * turned), x.shape[2], axis=2)


CHANCE = 1 / 12 + 4 * np.sqrt(1 / 12 * 11 / 12 / (160 * 12))  # of 160 records; within one they are nearly independent


def test_leads_of_ecgs_are_named_and_those_of_noise_with_their_spectra_are_not(ecgs: np.ndarray) -> None:
    def share(see: Callable[..., dict[str, np.ndarray]]) -> float:
        return taught(ecgs[:200], ecgs[200:], see, steps=300)

    named = share(asked)
    assert named > 0.2
    assert share(lambda x, rng: asked(surrogate(x, rng), rng)) < CHANCE
    # How the leads go together says something too, heartbeat or not, but less than the shape of their waves.
    assert CHANCE < share(lambda x, rng: asked(surrogate(x, rng, True), rng)) < 0.8 * named


def test_neither_a_gain_nor_a_band_nor_padding_gives_a_lead_away(ecgs: np.ndarray) -> None:
    def device(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Noise from a device whose leads have gains, bands and a padding of their own."""
        noise = rng.standard_normal(x.shape)
        for lead in range(12):
            kernel = np.ones(1 + lead) / (1 + lead)
            noise[:, lead] = np.apply_along_axis(np.convolve, 1, noise[:, lead], kernel, "same") * 1.5**lead
            noise[:, lead, : 4 * lead] = 0
        return noise

    assert taught(ecgs[:200], ecgs[200:], lambda x, rng: shuffled(device(x, rng), rng), steps=250) > 0.17  # it would
    assert taught(ecgs[:200], ecgs[200:], lambda x, rng: asked(device(x, rng), rng)) < CHANCE
