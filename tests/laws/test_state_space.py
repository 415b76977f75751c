"""Linear systems: the convolution is the recurrence, at any length, rate and way of computing it."""

import numpy as np
import pytest
import torch
from scipy.signal import cont2discrete, dlsim, resample_poly

from einthoven.layers.state_space import DiagonalStateSpace, _Lagged, convolved
from einthoven.models import Encoder, Shape, build


def systems(channels: int = 3, states: int = 4) -> DiagonalStateSpace:
    torch.manual_seed(0)
    made = DiagonalStateSpace(channels, states)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return made


def signal(batch: int = 2, channels: int = 3, length: int = 200) -> torch.Tensor:
    return torch.randn(batch, channels, length, generator=torch.Generator().manual_seed(1))


def heard(layer: DiagonalStateSpace, u: torch.Tensor, rate_hz: float) -> torch.Tensor:
    """What systems answer to signals `batch channel time`."""
    return layer(u.permute(2, 0, 1), rate_hz).permute(1, 2, 0)


def by_recurrence(layer: DiagonalStateSpace, u: np.ndarray, rate_hz: float) -> np.ndarray:
    """Sample after sample, both ways: each pair of states as two real ones, discretised by SciPy."""
    speed, decay, turn = (getattr(layer, name).detach().double().numpy() for name in ("speed", "decay", "turn"))
    read = layer.read.detach().double().numpy()
    found = np.zeros_like(u)
    for channel in range(u.shape[1]):
        for direction, order in ((0, slice(None)), (1, slice(None, None, -1))):
            x = u[:, channel, order]
            total = np.zeros_like(x)
            for state in range(decay.shape[1]):
                real, imaginary = -np.exp(decay[channel, state]), turn[channel, state]
                a = np.exp(speed[channel]) * np.array([[real, -imaginary], [imaginary, real]])
                b = np.exp(speed[channel]) * np.array([[1.0], [0.0]])
                c = 2 * np.array([[read[direction, channel, state, 0], -read[direction, channel, state, 1]]])
                discrete = cont2discrete((a, b, c, np.zeros((1, 1))), 1 / rate_hz, method="zoh")
                for row in range(len(x)):  # SciPy's state answers a sample later than the input that moved it
                    _, y, _ = dlsim(discrete, np.append(x[row], 0.0))
                    total[row] += y[1:, 0]
            if direction:  # backwards it hears what comes after the sample itself
                total = np.concatenate([np.zeros((len(x), 1)), total[:, :-1]], axis=1)
            found[:, channel] += total[:, order]
    return found + layer.through.detach().double().numpy()[:, None] * u


@pytest.mark.parametrize("rate_hz", [100.0, 360.0])
def test_the_convolution_is_the_recurrence(rate_hz: float) -> None:
    layer, u = systems(), signal(length=60)
    expected = by_recurrence(layer, u.double().numpy(), rate_hz)
    with torch.inference_mode():
        np.testing.assert_allclose(
            heard(layer, u, rate_hz).numpy(), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max()
        )


@pytest.mark.parametrize(
    ("length", "every"), [(1, 1), (1, 4), (2, 1), (37, 1), (37, 3), (200, 1), (200, 4), (701, 1), (1025, 4)]
)
def test_the_matrix_of_lags_and_the_fourier_transform_agree(length: int, every: int) -> None:
    u, layer = signal(length=length).permute(2, 0, 1), systems()
    after, before = layer.response(length, 100.0).detach()
    one, other = (convolved(u, after, before, every, short) for short in (10_000, 0))
    assert torch.allclose(one, other, atol=1e-4 * float(one.abs().max()))
    assert torch.allclose(one, convolved(u, after, before)[::every], atol=1e-4 * float(one.abs().max()))
    weights = torch.randn(one.shape, generator=torch.Generator().manual_seed(2))
    slopes = []
    for short in (10_000, 0):
        layer.zero_grad()
        asked = u.clone().requires_grad_()
        (convolved(asked, *layer.response(length, 100.0), every, short) * weights).sum().backward()
        found = [p.grad for p in (asked, *layer.parameters()) if p.grad is not None]
        slopes.append(torch.cat([slope.flatten() for slope in found]))
    assert torch.allclose(*slopes, rtol=1e-3, atol=1e-3 * float(slopes[0].abs().max()))


@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_the_slopes_of_the_matrix_of_lags_are_right(every: int) -> None:
    u, weights = torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 9, dtype=torch.float64)
    assert torch.autograd.gradcheck(_Lagged.apply, (u.requires_grad_(), weights.requires_grad_(), every), atol=1e-6)


def test_in_sixteen_bits_it_says_the_same_within_their_rounding() -> None:
    layer, u = systems(8, 16), signal(channels=8).permute(2, 0, 1)
    plain, slopes = [], []
    for low in (False, True):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            found = layer(u, 100.0)
        found.float().square().mean().backward()
        plain.append(found.detach().float())
        slopes.append(layer.read.grad.clone())
    assert (plain[0] - plain[1]).abs().max() < 0.02 * plain[0].abs().max()
    assert (slopes[0] - slopes[1]).abs().max() < 0.02 * slopes[0].abs().max()


def test_a_response_is_the_sum_of_decaying_waves() -> None:
    layer = systems()
    found = layer.response(101, 100.0).detach().double().numpy()
    a = -np.exp(layer.decay.detach().double().numpy()) + 1j * layer.turn.detach().double().numpy()
    step = a * np.exp(layer.speed.detach().double().numpy())[:, None] / 100
    read = torch.view_as_complex(layer.read.detach().double()).numpy()
    waves = np.exp(step[..., None] * np.arange(101))
    expected = 2 * np.einsum("dcn,cnl->dcl", read * (np.exp(step) - 1) / a, waves).real
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_a_single_one_is_answered_by_the_responses() -> None:
    layer, at = systems(), 40
    u = torch.zeros(1, 3, 100)
    u[:, :, at] = 1.0
    after, before = layer.response(100, 100.0).detach()
    expected = torch.cat([before[:, :at].flip(-1), after[:, : 100 - at]], dim=-1)
    expected[:, at] += layer.through.detach()
    with torch.inference_mode():
        assert torch.allclose(heard(layer, u, 100.0)[0], expected, atol=1e-5)


def test_a_system_hears_the_same_at_another_rate() -> None:
    """A slow wave sampled four times as often: the answers agree where both have a sample."""
    layer = systems()
    time = np.arange(400) / 100
    fine = np.arange(1600) / 400
    u, v = (
        torch.tensor(np.sin(2 * np.pi * 1.5 * t) * np.exp(-((t - 2) ** 2)), dtype=torch.float32) for t in (time, fine)
    )
    with torch.inference_mode():
        one, other = (heard(layer, x.repeat(1, 3, 1), rate) for x, rate in ((u, 100.0), (v, 400.0)))
    assert (one - other[..., ::4]).abs().max() < 0.03 * one.abs().max()


def test_the_response_is_bounded_at_any_length_and_rate() -> None:
    layer = systems(8, 16)
    with torch.no_grad():
        layer.decay += 3 * torch.randn_like(layer.decay)
        layer.speed += 3 * torch.randn_like(layer.speed)
    for rate in (50.0, 100.0, 1000.0):
        with torch.inference_mode():
            found = layer.response(20_000, rate)
        assert torch.isfinite(found).all()
        assert found[..., -2000:].abs().max() <= 1.01 * found[..., :2000].abs().max()


def test_the_network_says_the_same_of_a_recording_at_another_rate() -> None:
    torch.manual_seed(0)
    model = build("state_space", Shape(12, 500, 100.0, 3), depth=2, features=32).eval()
    fast = build("state_space", Shape(12, 2000, 400.0, 3), depth=2, features=32).eval()
    assert isinstance(model, Encoder) and isinstance(fast, Encoder)
    fast.load_state_dict(model.state_dict())
    rng = np.random.default_rng(0)
    slow = np.cumsum(rng.standard_normal((2, 12, 60)), axis=-1)
    x, y = (torch.tensor(resample_poly(slow, up, 1, axis=-1)[..., : 50 * up], dtype=torch.float32) for up in (10, 40))
    with torch.inference_mode():
        one, other = model.features(x), fast.features(y)
    assert (one - other).abs().max() < 0.05 * one.abs().max()
