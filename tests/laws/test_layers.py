"""What must hold of the shared blocks: TensorFlow's padding, two layouts with one answer, and fair dropout."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from einthoven.layers.attention import Block, rotated
from einthoven.layers.dropout import Dropout
from einthoven.layers.temporal import AvgPool, BatchNorm, Conv, MaxPool, flat, normed, wide


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same(conv: Conv, stride: int) -> Conv:
    """A convolution with `same` padding and a stride, which the constructor refuses together."""
    conv.stride, conv.padding = (stride,), "same"
    return conv


def by_hand(x: np.ndarray, weight: np.ndarray, stride: int, dilation: int) -> np.ndarray:
    """TensorFlow's SAME, one output after the other: ⌈n/stride⌉ of them, the odd zero on the right."""
    n, kernel = x.shape[-1], weight.shape[-1]
    count = -(-n // stride)
    total = max(0, (count - 1) * stride + dilation * (kernel - 1) + 1 - n)
    padded = np.pad(x, ((0, 0), (0, 0), (total // 2, total - total // 2)))
    out = np.zeros((len(x), len(weight), count))
    for at in range(count):
        for tap in range(kernel):
            out[:, :, at] += padded[:, :, at * stride + tap * dilation] @ weight[:, :, tap].T
    return out


# Layouts


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 9))
@settings(deadline=None, max_examples=25)
def test_wide_and_flat_undo_each_other(batch: int, channels: int, time: int) -> None:
    x = random(batch, channels, time)
    assert wide(x).shape == (batch, channels, 1, time)
    assert wide(x).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(flat(wide(x)), x)
    assert flat(x) is x


# Convolution


@given(
    st.integers(1, 17),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(1, 40),
    st.booleans(),
    st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=80)
def test_same_padding_is_that_of_tensorflow(
    kernel: int, stride: int, dilation: int, length: int, fast: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    conv = same(Conv(2, 3, kernel, dilation=dilation, bias=False), stride)
    x = random(2, 2, length, seed=seed)
    with torch.no_grad():
        y = flat(conv(wide(x) if fast else x)).numpy()
    expected = by_hand(x.double().numpy(), conv.weight.detach().double().numpy(), stride, dilation)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_the_odd_zero_is_on_the_right() -> None:
    conv = same(Conv(1, 1, 2, bias=False), 1)
    nn.init.ones_(conv.weight)
    assert conv(torch.tensor([[[1.0, 10.0, 100.0]]])).flatten().tolist() == [11.0, 110.0, 100.0]


@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), [(1, 2, 1, 1), (2, 0, 1, 1), (3, 1, 2, 2)])
def test_other_paddings_are_those_of_conv1d(stride: int, padding: int, dilation: int, groups: int) -> None:
    conv = Conv(4, 6, 5, stride=stride, padding=padding, dilation=dilation, groups=groups)
    plain = nn.Conv1d(4, 6, 5, stride=stride, padding=padding, dilation=dilation, groups=groups)
    plain.load_state_dict(conv.state_dict())  # the layout leaves no trace in the parameters
    x = random(2, 4, 33)
    torch.testing.assert_close(conv(x), plain(x))
    torch.testing.assert_close(flat(conv(wide(x))), plain(x), atol=1e-5, rtol=1e-5)


def test_a_convolution_has_the_same_gradient_in_both_layouts() -> None:
    conv, x = same(Conv(3, 4, 6), 2), random(2, 3, 21)
    plain = torch.autograd.grad(conv(x).square().sum(), list(conv.parameters()))
    fast = torch.autograd.grad(conv(wide(x)).square().sum(), list(conv.parameters()))
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=1e-4)


# Normalisation and pools


@pytest.mark.parametrize("training", [True, False])
def test_normalisation_is_that_of_batchnorm1d_in_both_layouts(training: bool) -> None:
    layers = BatchNorm(5), BatchNorm(5), nn.BatchNorm1d(5)
    x = 3 * random(4, 5, 11) + 2
    plain, fast, expected = (layer.train(training) for layer in layers)
    answers = plain(x), flat(fast(wide(x))), expected(x)
    torch.testing.assert_close(answers[0], answers[2])
    torch.testing.assert_close(answers[1], answers[2])
    torch.testing.assert_close(dict(fast.state_dict()), dict(expected.state_dict()))


def test_normalisation_refuses_what_has_no_time() -> None:
    with pytest.raises(ValueError, match=r"batch channel time.*\(4, 5\)"):
        BatchNorm(5)(torch.zeros(4, 5))


@pytest.mark.parametrize("length", [12, 13, 15, 16])
@pytest.mark.parametrize(
    "pool", [MaxPool(4, 4), MaxPool(3, 2, 1), AvgPool(2), AvgPool(5)], ids=lambda p: type(p).__name__
)
def test_pools_agree_in_both_layouts(pool: nn.Module, length: int) -> None:
    x = random(2, 3, length)
    assert torch.equal(flat(pool(wide(x))), pool(x))


def test_pools_take_the_maximum_and_the_mean_of_windows() -> None:
    x = torch.tensor([[[1.0, 5.0, 2.0, 4.0, 9.0]]])
    assert MaxPool(2, 2)(x).flatten().tolist() == [5, 4]
    assert MaxPool(3, 2, 1)(-x).flatten().tolist() == [-1, -2, -4]  # padding is never the maximum
    assert AvgPool(2)(x).flatten().tolist() == [3, 3, 9]  # the incomplete window counts, by what it has
    assert flat(AvgPool(2)(wide(x))).flatten().tolist() == [3, 3, 9]


# Dropout


def dropped(share: float, x: Tensor, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    y: Tensor = Dropout(share)(x)
    return y


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("layout", [flat, wide])
def test_dropout_leaves_out_the_share_and_keeps_the_mean(share: float, layout: type) -> None:
    x = layout(torch.ones(20, 50, 101))
    y = dropped(share, x)
    assert y.shape == x.shape and y.stride() == x.stride()
    n = x.numel()
    bound = 5 * (n * share * (1 - share)) ** 0.5  # five standard deviations of a binomial
    assert abs((y == 0).sum().item() - n * share) < bound
    torch.testing.assert_close(y[y != 0], torch.full_like(y[y != 0], 1 / (1 - share)), rtol=2e-3, atol=0)
    assert abs(y.mean().item() - 1) < bound / n / (1 - share) + 2e-3


def test_dropout_draws_each_activation_by_itself() -> None:
    """Four activations share one draw of 64 bits: neighbours must not be alike for that."""
    kept = (dropped(0.5, torch.ones(4, 40_000)) > 0).double()
    for lag in (1, 2, 3, 4):
        together = (kept[:, lag:] * kept[:, :-lag]).mean().item()
        assert abs(together - 0.25) < 5 * (0.25 * 0.75 / kept.numel()) ** 0.5 * 2
    assert abs((kept[0] * kept[1]).mean().item() - 0.25) < 5 * (0.25 * 0.75 / 40_000) ** 0.5


def test_dropout_is_its_seed() -> None:
    x = random(3, 4, 25)
    assert torch.equal(dropped(0.3, x, 7), dropped(0.3, x, 7))
    assert not torch.equal(dropped(0.3, x, 7), dropped(0.3, x, 8))


def test_dropout_has_the_gradient_of_what_it_kept() -> None:
    x = torch.ones(5, 7, 9, requires_grad=True)
    y = dropped(0.4, x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_dropout_is_nothing_in_evaluation_or_without_a_share() -> None:
    x = random(3, 4, 25)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_dropout_takes_views_that_are_not_dense() -> None:
    whole = random(6, 8, 40).abs() + 1
    for x in (whole[:, ::2], whole[..., 3:20], whole.transpose(1, 2), whole[:1].expand(6, 8, 40)):
        y = dropped(0.5, x)
        assert y.shape == x.shape
        torch.testing.assert_close(y[y != 0], 2 * x[y != 0])
        assert 0.35 < (y == 0).double().mean().item() < 0.65
    assert not torch.equal(y[0], y[1])  # the expanded rows were thinned one by one


@pytest.mark.parametrize("share", [1.0, 1.5, -0.1, float("nan")])
def test_dropout_refuses_what_is_no_share(share: float) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        Dropout(share)


def test_dropout_takes_every_share_below_one() -> None:
    y = dropped(1 - 1e-9, torch.ones(1000))  # nearest to 1 of all 65 536ths, yet below it
    assert torch.isfinite(y).all() and (y == 0).double().mean() > 0.9


@pytest.mark.parametrize("layout", ["plain", "wide"])
def test_a_normed_convolution_is_the_two_after_another(layout: str) -> None:
    torch.manual_seed(0)
    conv, norm = Conv(3, 5, 4, padding="same", bias=False), BatchNorm(5)
    x = torch.randn(6, 3, 21)
    x = wide(x) if layout == "wide" else x
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.uniform_(-1, 1)
    torch.testing.assert_close(normed(conv, norm, x), norm(conv(x)))  # in training; both see the batch
    norm.eval()
    assert not torch.allclose(norm(conv(x)), conv(x))
    torch.testing.assert_close(normed(conv, norm, x), norm(conv(x)))


@pytest.mark.parametrize("layout", ["plain", "wide"])
@pytest.mark.parametrize(("leads", "kernel"), [(12, 16), (8, 16), (8, 12), (2, 32), (12, 5), (16, 16)])
def test_a_convolution_in_bf16_is_near(leads: int, kernel: int, layout: str) -> None:
    """Some are miscounted by oneDNN on CPUs with AMX, unless they get channels of zeros."""
    torch.manual_seed(0)
    conv, x = Conv(leads, 32, kernel, padding="same"), random(4, leads, 250)
    x = wide(x) if layout == "wide" else x
    want = conv(x)
    with torch.autocast("cpu", torch.bfloat16):
        got = conv(x)
    assert got.dtype == torch.bfloat16
    assert (got.float() - want).abs().max() < 0.02 * want.abs().max()
    (got.float().square().sum()).backward()
    slope = conv.weight.grad.clone()
    conv.weight.grad = None
    conv(x).square().sum().backward()
    assert (slope - conv.weight.grad).abs().max() < 0.03 * conv.weight.grad.abs().max()


def test_attention_tells_distances_not_places() -> None:
    x = random(2, 3, 9, 8)
    turned = rotated(x)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turned[:, :, 0], x[:, :, 0])  # the first step is not turned
    same = x[:, :, :1].expand(-1, -1, 9, -1)
    products = rotated(same) @ rotated(same).transpose(-1, -2)
    for apart in range(1, 8):
        line = torch.diagonal(products, offset=apart, dim1=-2, dim2=-1)
        torch.testing.assert_close(line, line[..., :1].expand_as(line), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(products[..., 0, 1], products[..., 0, 5])
    with pytest.raises(ValueError, match="7 of them"):
        rotated(random(1, 1, 4, 7))


def test_a_block_sees_every_step_and_treats_them_alike() -> None:
    torch.manual_seed(0)
    block = Block(8, 2, 0.0).eval()
    x = random(1, 6, 8).requires_grad_()
    block(x)[0, 2].sum().backward()
    assert (x.grad[0].abs().sum(dim=-1) > 0).all()
    constant = random(1, 1, 8, seed=3).expand(1, 6, 8)
    torch.testing.assert_close(block(constant), block(constant[:, :1]).expand(1, 6, 8))
