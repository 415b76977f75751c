"""What must hold of flows: lines from noise to data, and the way along them."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from einthoven.generators import Form
from einthoven.generators._plan import _NOWHERE, Plan, Planned, _mean_beat, _places, between, channels
from einthoven.layers.flow import Velocity, integrate, path
from einthoven.layers.recurrent import BiLSTM
from einthoven.layers.temporal import coarser, finer
from einthoven.objectives.variational import Variational, divergence
from einthoven.signals.pacing import pacing


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_path_begins_in_noise_ends_in_data_and_goes_straight() -> None:
    noise, x = random(4, 2, 3), random(4, 2, 3, seed=1)
    t = torch.tensor([0.0, 1.0, 0.25, 0.5])
    at, way = path(noise, x, t)
    assert torch.equal(at[0], noise[0]) and torch.equal(at[1], x[1])
    rest = (1 - t).view(-1, 1, 1)
    assert torch.allclose(at + rest * way, x, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_one_datum_is_reached_exactly(steps: int) -> None:
    datum = random(1, 2, 3, seed=2)
    noise = random(5, 2, 3)
    reached = integrate(lambda x, t: (datum - x) / (1 - t.view(-1, 1, 1)), noise, steps)  # all lines end there
    assert torch.allclose(reached, datum.expand_as(reached), atol=1e-5)


def test_it_is_of_second_order() -> None:
    """Of x' = x, which takes 1 to e: half the step, a quarter of the error."""
    found = [integrate(lambda x, t: x, torch.ones(1, 1), steps) for steps in (16, 32)]
    errors = [abs(float(x) - math.e) for x in found]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_a_flow_between_normal_distributions_carries_the_one_to_the_other() -> None:
    """To a mean of 3 and a deviation of 0.5, for which the mean way of all lines is known in closed form."""
    mean, deviation = 3.0, 0.5

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        at = t.view(-1, 1)
        variance = (1 - at) ** 2 + at**2 * deviation**2
        return mean + (at * deviation**2 - (1 - at)) / variance * (x - at * mean)

    found = integrate(velocity, random(20_000, 1), 20)
    assert float(found.mean()) == pytest.approx(mean, abs=0.02)
    assert float(found.std()) == pytest.approx(deviation, abs=0.02)


def test_a_network_that_has_learnt_nothing_stands_still() -> None:
    network = Velocity(3, 2, width=16)
    x = random(4, 3, 21)
    with torch.inference_mode():
        still = network(x, torch.rand(4), random(4, 2))
    assert still.shape == x.shape
    assert torch.allclose(still, network.leave.bias.detach()[:, None].expand_as(still))


def test_finer_and_coarser_undo_each_other() -> None:
    x = random(2, 6, 5)
    assert finer(x, 3).shape == (2, 2, 15)
    assert torch.equal(coarser(finer(x, 3), 3), x) and torch.equal(finer(x, 1), x)
    ramp = torch.arange(12.0).view(1, 1, 12)
    assert torch.equal(coarser(ramp, 4)[0, :, 0], ramp[0, 0, :4])


def test_an_lstm_of_both_directions_looks_both_ways() -> None:
    layer, x = BiLSTM(8).eval(), random(1, 8, 9)
    changed = x.clone()
    changed[:, 2, 4] += 1
    with torch.inference_mode():
        moved = (layer(changed) - layer(x)).abs().amax(dim=1)[0]
    assert (moved > 0).all()
    with pytest.raises(ValueError, match="7 is an odd number"):
        BiLSTM(7)


def test_the_divergence_is_that_of_normal_distributions() -> None:
    mean, log = random(6, 2, 3), random(6, 2, 3, seed=1)
    there = torch.distributions.Normal(mean, torch.exp(log / 2))
    want = torch.distributions.kl_divergence(there, torch.distributions.Normal(0.0, 1.0)).sum(dim=(1, 2)).mean()
    assert torch.allclose(divergence(mean, log), want, rtol=1e-5)
    assert float(divergence(torch.zeros(2, 1, 4), torch.zeros(2, 1, 4))) == 0


def test_the_bound_on_the_evidence() -> None:
    """Without the term on differences the loss is the negative bound, up to its scale and a constant."""
    sigma, x = 0.3, random(5, 8, 40)
    found = {"signal": torch.zeros(5, 8, 40), "wanted": torch.zeros(5, 8, 40) + x[..., :1]}  # its differences are 0
    found |= {"mean": random(5, 2, 3), "log": random(5, 2, 3, seed=1)}
    loss = Variational(sigma=sigma)(lambda **batch: found, {})["loss"]
    likelihood = torch.distributions.Normal(found["signal"], sigma).log_prob(found["wanted"]).sum(dim=(1, 2)).mean()
    bound = likelihood - divergence(found["mean"], found["log"])
    constant = -8 * 40 * math.log(sigma * math.sqrt(2 * math.pi))
    assert float(loss) == pytest.approx(float(-(bound - constant) * 2 * sigma**2 / (8 * 40)), rel=1e-4)
    with pytest.raises(ValueError, match="above 0, not 0"):
        Variational(sigma=0.0)


def test_times_of_a_batch_are_spread_evenly() -> None:
    drawn = Variational().draw(np.zeros((50, 8, 10), np.float32), 100.0, np.random.default_rng(0))
    assert sorted((drawn["t"] * 50).astype(int)) == list(range(50))


# When a heart beats


def pulses(times_s: np.ndarray, samples: int = 1000, rate_hz: float = 100.0) -> np.ndarray:
    """A lead that rises at some times."""
    time = np.arange(samples) / rate_hz
    return np.exp(-(((time[:, None] - times_s) / 0.02) ** 2) / 2).sum(axis=1)[None].astype(np.float32)


def test_pacing_gives_the_intervals_of_the_beats_and_then_tells_them_again() -> None:
    times = np.array([0.4, 1.2, 2.0, 3.4])
    found = pacing(pulses(times, samples=400), 100.0)
    assert len(found) == 1 + 16 and np.abs(found[:4] - [0.4, 0.8, 0.8, 1.4]).max() < 0.021
    assert np.array_equal(found[1:7], np.tile(found[1:4], 2))
    assert pacing(np.zeros((1, 1000), np.float32), 100.0)[1:].tolist() == pytest.approx([0.8] * 40)


def test_a_step_is_told_the_pulses_in_it_and_how_far_the_beats_beside_it_are() -> None:
    told = between(torch.tensor([[0.35, 0.8, 0.8]]), steps=20, step_s=0.1)
    fine = told[0, :-2].T.flatten()  # every 10 ms
    assert sorted(int(place) for place in fine.topk(3).indices) == [35, 115, 195] and float(fine[35]) == 1
    last, following = told[0, -2:]
    assert float(last[5]) == pytest.approx(0.20, abs=1e-5) and float(following[5]) == pytest.approx(0.60, abs=1e-5)
    assert float(last[0]) == 2.0, "no beat was there before"


def test_a_recording_begins_anywhere_between_two_beats() -> None:
    torch.manual_seed(0)
    plan = Plan(Form(1000, 100.0, 2))
    noise = random(2000, plan.numbers)
    with torch.inference_mode():
        beats = plan.emit(noise, torch.eye(2).repeat(1000, 1)).beats
    share = (beats[:, 0] / beats[:, 1]).numpy()
    assert 0 <= share.min() and share.max() <= 1 and kstest(share, "uniform").pvalue > 0.01
    with torch.inference_mode():
        assert torch.allclose(plan.emit(noise[5:6], torch.eye(2)[1:]).beats, beats[5:6], atol=1e-6)


def test_the_beat_of_a_style_is_laid_where_the_heart_beats() -> None:
    """Alike at every beat, with what comes before the next one, and nowhere else."""
    torch.manual_seed(0)
    plan = Plan(Form(1000, 100.0, 2))
    planned = Planned(torch.tensor([[0.5, 1.0, 1.0, 0.6, 4.0] + [1.0] * 36]), random(1, 32))
    with torch.inference_mode():
        told = plan.tell(planned, torch.eye(2)[:1], steps=250, step_s=0.04)
    assert told.beside.shape == (1, channels(0.04), 250) and told.wanted.shape == (1, plan.told)
    beat = finer(told.beside[:, 4 + 2 :], 4)[0]  # after four pulses and two gaps a step
    assert torch.equal(beat[:, 20:120], beat[:, 120:220]) and float(beat[:, 50].abs().min()) > 0
    assert torch.equal(beat[:, 250 : 250 + 34], beat[:, 150 : 150 + 34]), "a beat that is followed soon begins alike"
    assert torch.equal(beat[:, 310 - 22 : 310], beat[:, 150 - 22 : 150]), "and the next one too"
    assert not beat[:, 310 + 81 : 710 - 36].any()
    assert not beat[:, : 50 - 36].any()


@pytest.mark.parametrize("rate_hz", [100.0, 250.0, 500.0])
def test_the_mean_beat_of_beats_that_are_alike_is_the_beat(rate_hz: float) -> None:
    torch.manual_seed(0)
    form = Form(round(10 * rate_hz), rate_hz, 2)
    plan = Plan(form)
    places = _places(torch.tensor([[0.4] + [0.8] * 40]), plan.fine)
    wanted = random(1, 8, _NOWHERE)
    signal = torch.nn.functional.pad(wanted, (0, 1)).gather(2, places[:, None].expand(-1, 8, -1))
    found = _mean_beat(signal, places)
    there = torch.zeros(_NOWHERE, dtype=torch.bool)
    there[places[places < _NOWHERE].unique()] = True
    assert torch.allclose(found[..., there], wanted[..., there], atol=1e-5) and not found[..., ~there].any()
    assert there.sum() >= 80


def test_a_rhythm_and_a_style_are_learnt() -> None:
    """Two classes with a pulse of their own, one of them irregular, and beats of two forms, whatever the class."""
    torch.manual_seed(0)
    plan = Plan(Form(1000, 100.0, 2))
    optimizer = torch.optim.Adam(plan.parameters(), 2e-3)
    y = torch.eye(2).repeat(8, 1)
    rng = np.random.default_rng(0)
    for _ in range(150):
        even = np.tile(rng.uniform(0.9, 1.1, (8, 1)), (1, plan.beats))
        uneven = rng.uniform(0.4, 0.8, (8, plan.beats))
        beats = np.stack([even, uneven], axis=1).reshape(16, -1).astype(np.float32)
        up = rng.choice([-1.0, 1.0], (16, 1, 1))
        signal = np.stack([pulses(one.cumsum()) for one in beats]) * up
        t = torch.from_numpy(rng.random(16)).float()
        seed = torch.from_numpy(rng.integers(2**31, size=16))
        shown = torch.from_numpy(signal).float().expand(-1, 8, -1)
        style, found = plan(shown, torch.from_numpy(beats), y, t, seed)
        loss = (found["rhythm"] - found["rhythm_way"]).square().mean()
        loss = loss + (found["style"] - found["style_way"]).square().mean()
        loss = loss + (found["unlike"] + 5e-4 * found["nats"]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(found["unlike"].detach().mean()) < 0.2 * float(shown.square().mean())
    noise, wanted = random(200, plan.numbers), torch.eye(2).repeat(100, 1)
    with torch.inference_mode():
        drawn = plan.emit(noise, wanted)
        beat = finer(plan.tell(drawn, wanted, 1000, 0.01).beside[:, 1 + 2 :], 1)
    intervals = drawn.beats[:, 1:].numpy()
    change = np.median(np.abs(np.diff(intervals, axis=1)), axis=1) / np.median(intervals, axis=1)
    assert np.median(intervals[::2]) == pytest.approx(1.0, abs=0.1)
    assert np.median(intervals[1::2]) == pytest.approx(0.6, abs=0.1)
    assert np.median(change[::2]) < 0.1 < np.median(change[1::2])
    height = torch.where(beat.amax(-1) > -beat.amin(-1), beat.amax(-1), beat.amin(-1))[:, 0]
    assert 0.3 < (height > 0).float().mean() < 0.7
    assert height[height > 0].mean() > 0.5 > -0.5 > height[height < 0].mean()
