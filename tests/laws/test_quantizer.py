"""What must hold of vectors that are replaced by the nearest of a few."""

import numpy as np
import pytest
import torch
from scipy.cluster.vq import vq
from scipy.stats import entropy
from torch import Tensor, nn

from einthoven.layers.quantizer import FiniteScalar, VectorQuantizer, perplexity


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def book(codes: Tensor, **options: float) -> VectorQuantizer:
    """A codebook that has begun."""
    layer = VectorQuantizer(*codes.shape, **options)
    layer.codebook.copy_(codes)
    layer.total.copy_(codes)
    layer.begun.fill_(True)
    return layer


def test_every_vector_becomes_the_nearest_code() -> None:
    codes, z = random(17, 5), random(4, 5, 30, seed=1)
    found = book(codes).eval()(z)
    index, distance = vq(z.transpose(1, 2).reshape(-1, 5).numpy(), codes.numpy())
    assert np.array_equal(found.number.flatten().numpy(), index)
    assert torch.allclose(found.z, codes[found.number].transpose(1, 2), atol=1e-6)
    assert np.allclose(found.away.flatten().numpy(), distance**2 / 5, atol=1e-5)


@pytest.mark.parametrize("layer", [book(random(9, 3)), FiniteScalar([5, 4, 3])])
def test_codes_are_their_own_codes(layer: nn.Module) -> None:
    layer.eval()
    index = torch.arange(9).view(3, 3)
    codes = layer.lookup(index)
    found = layer(codes)
    assert torch.equal(found.number, index) and torch.allclose(found.z, codes, atol=1e-5)


def test_the_gradient_passes_as_if_there_were_no_choice() -> None:
    z = random(2, 5, 7).requires_grad_()
    weight = random(2, 5, 7, seed=3)
    (book(random(9, 5)).eval()(z).z * weight).sum().backward()
    assert torch.equal(z.grad, weight)
    z = random(2, 3, 7).requires_grad_()
    (FiniteScalar([5, 5, 5])(z).z * weight[:, :3]).sum().backward()
    assert torch.equal(z.grad, weight[:, :3])


def test_vectors_are_brought_to_where_codes_lie() -> None:
    z = random(2, 5, 7)
    bound = VectorQuantizer(9, 5).bound(z)
    assert torch.allclose(bound.square().mean(dim=1), torch.ones(2, 7), atol=1e-5)
    assert torch.allclose(torch.cosine_similarity(bound, z, dim=1), torch.ones(2, 7), atol=1e-5)
    assert float(FiniteScalar([3] * 5).bound(1e3 * z).abs().max()) <= 1


def test_what_pulls_vectors_to_codes_leaves_the_codes_alone() -> None:
    codes, z = random(9, 5), random(2, 5, 7, seed=1).requires_grad_()
    layer = book(codes)
    found = layer(z)
    found.away.sum().backward()
    wanted = 2 * (z.detach() - codes[found.number].transpose(1, 2)) / 5
    assert torch.allclose(z.grad, wanted, atol=1e-6)
    assert not list(layer.parameters())


def test_running_means_are_what_their_sum_says() -> None:
    """After n looks each has the weight (1 − d) d^(n − i), and the beginning d^n."""
    decay, codes = 0.9, torch.tensor([[-4.0], [4.0]])
    layer = book(codes, decay=decay)
    looks = [random(3, 1, 11, seed=i) + torch.tensor([-4.0, 4.0, 4.0])[:, None, None] for i in range(20)]
    for look in looks:
        layer(look)
    for place, sign in enumerate((-1, 1)):
        fell = [look[(look * sign) > 0] for look in looks]
        weights = np.array([(1 - decay) * decay ** (19 - i) for i in range(20)])
        count = decay**20 + weights @ [len(one) for one in fell]
        total = decay**20 * float(codes[place, 0]) + weights @ [float(one.sum()) for one in fell]
        assert float(layer.count[place]) == pytest.approx(count, rel=1e-4)
        assert float(layer.codebook[place, 0]) == pytest.approx(total / count, rel=1e-4)


def test_without_memory_the_codes_are_those_of_k_means() -> None:
    """A decay of 0 is one step of Lloyd's algorithm."""
    layer, z = book(random(4, 2), decay=0.0), random(1, 2, 400, seed=1)
    index = layer(z).number[0]
    means = torch.stack([z[0, :, index == code].mean(dim=1) for code in range(4)])
    assert torch.allclose(layer.codebook, means, atol=1e-5)


def test_codes_that_nothing_falls_to_are_set_anew() -> None:
    codes = torch.cat([random(4, 2), torch.full((60, 2), 1e3)])
    layer = book(codes)
    z = random(8, 2, 100, seed=1)
    assert len(layer(z).number.unique()) <= 4
    for i in range(300):
        layer(z, seed=i)
    index = layer.eval()(z).number
    assert len(index.unique()) > 0.9 * 64 and perplexity(index) > 40


def test_evaluation_changes_nothing_and_a_seed_decides_the_beginning() -> None:
    z = random(2, 3, 50)
    first, second, third = (VectorQuantizer(8, 3) for _ in range(3))
    for layer, seed in ((first, 1), (second, 1), (third, 2)):
        layer(z, seed=seed)
    assert torch.equal(first.codebook, second.codebook) and not torch.equal(first.codebook, third.codebook)
    before = {name: value.clone() for name, value in first.eval().state_dict().items()}
    first(random(2, 3, 50, seed=5), seed=7)
    assert all(torch.equal(value, before[name]) for name, value in first.state_dict().items())


def test_all_points_of_a_grid_are_reached_and_differ() -> None:
    layer = FiniteScalar([3, 4, 5])
    index = torch.arange(layer.codes)[None]
    points = layer.lookup(index)[0].T
    assert layer.codes == 60 == len(points.unique(dim=0)) and float(points.abs().max()) == 1
    far = layer(layer.bound(random(4, 3, 4000) * 3))
    assert len(far.number.unique()) == 60


def test_perplexity_is_that_of_shares() -> None:
    index = torch.tensor([[0, 0, 1, 2], [2, 2, 2, 0]])
    assert perplexity(index) == pytest.approx(np.exp(entropy([3, 1, 4])))
    assert perplexity(torch.arange(8)) == pytest.approx(8.0)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ValueError, match="two codes at least, not 1"):
        VectorQuantizer(1, 4)
    with pytest.raises(ValueError, match="below 1 of itself, not 1"):
        VectorQuantizer(4, 4, decay=1.0)
    with pytest.raises(ValueError, match="two levels at least, not 5, 1"):
        FiniteScalar([5, 1])
