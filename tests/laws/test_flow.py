"""What must hold of flows: lines from noise to data, and the way along them."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from einthoven.layers.flow import Velocity, integrate, path
from einthoven.layers.recurrent import BiLSTM
from einthoven.layers.temporal import coarser, finer
from einthoven.objectives.variational import Variational, divergence


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
