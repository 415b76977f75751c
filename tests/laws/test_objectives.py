"""What must hold of the objectives: unknown labels say nothing, and the known ones what PyTorch's loss says."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot, softplus

from einthoven.objectives import names
from einthoven.objectives.asymmetric import Asymmetric
from einthoven.objectives.categorical import Categorical
from einthoven.objectives.classify import Classify

SHAPE = (7, 4)


def logits(seed: int = 0) -> Tensor:
    return 3 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def truth(seed: int = 1, unknown: float = 0.0) -> Tensor:
    draw = torch.rand((2, *SHAPE), generator=torch.Generator().manual_seed(seed))
    return torch.where(draw[1] < unknown, torch.nan, (draw[0] < 0.4).float())


def gradient(objective: Classify | Asymmetric, at: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    at = at.clone().requires_grad_()
    loss = objective.loss(at, y)
    (slope,) = torch.autograd.grad(loss, at)
    return loss.detach(), slope


KINDS: list[Classify | Asymmetric] = [
    Classify(),
    Classify(focal=2.0),
    Classify(weights=(1.0, 2.0, 5.0, 0.5)),
    Classify((1.0, 3.0, 1.0, 9.0), 1.0),
    Classify(shift=(-3.0, 0.0, 1.0, 2.0)),
    Asymmetric(margin=0.0),
    Asymmetric(0.0, 2.0, 0.0),
]


def test_every_objective_is_listed() -> None:
    assert "classify" in names()


def test_with_all_labels_known_it_is_pytorchs_cross_entropy() -> None:
    torch.testing.assert_close(Classify().loss(logits(), truth()), binary_cross_entropy_with_logits(logits(), truth()))


def test_weights_count_positives() -> None:
    weights = torch.tensor([1.0, 2.0, 5.0, 0.5])
    expected = binary_cross_entropy_with_logits(logits(), truth(), pos_weight=weights)
    torch.testing.assert_close(Classify(weights=weights.tolist()).loss(logits(), truth()), expected)


@pytest.mark.parametrize("objective", KINDS, ids=repr)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=25)
def test_unknown_labels_say_nothing(objective: Classify | Asymmetric, seed: int, share: float) -> None:
    y = truth(seed, share)
    loss, slope = gradient(objective, logits(seed), y)
    unknown = torch.isnan(y)
    assert torch.isfinite(slope).all() and (slope[unknown] == 0).all()
    assert (slope[~unknown] != 0).all()
    elsewhere = torch.where(unknown, logits(seed + 1) * 5, logits(seed))
    again, slope_again = gradient(objective, elsewhere, y)
    assert torch.equal(loss, again) and torch.equal(slope, slope_again)


def test_the_mean_is_over_known_labels() -> None:
    y = truth(3, 0.5)
    known = ~torch.isnan(y)
    expected = binary_cross_entropy_with_logits(logits()[known], y[known])
    torch.testing.assert_close(Classify().loss(logits(), y), expected)


@pytest.mark.parametrize("objective", KINDS, ids=repr)
def test_nothing_known_is_a_loss_of_zero(objective: Classify | Asymmetric) -> None:
    loss, slope = gradient(objective, logits(), torch.full(SHAPE, torch.nan))
    assert loss == 0 and (slope == 0).all()


def test_focus_zero_is_plain() -> None:
    assert torch.equal(Classify(focal=0.0).loss(logits(), truth()), Classify().loss(logits(), truth()))


@given(st.floats(0.25, 5), st.floats(-8, 8), st.sampled_from([0.0, 1.0]))
@settings(deadline=None, max_examples=50)
def test_focus_weighs_a_term_by_what_is_missing_to_the_truth(focal: float, logit: float, label: float) -> None:
    at, y = torch.tensor([[logit]], dtype=torch.float64), torch.tensor([[label]], dtype=torch.float64)
    right = torch.sigmoid(at if label else -at)
    expected = (1 - right) ** focal * -torch.log(right)
    torch.testing.assert_close(Classify(focal=focal).loss(at, y), expected.squeeze())


def test_focus_makes_the_easy_count_less_beside_the_hard() -> None:
    y = torch.ones(1, 1)
    easy, hard = torch.tensor([[4.0]]), torch.tensor([[-1.0]])
    shares = [Classify(focal=f).loss(easy, y) / Classify(focal=f).loss(hard, y) for f in (0.0, 1.0, 2.0, 4.0)]
    assert all(later < earlier for earlier, later in zip(shares, shares[1:], strict=False))


def test_extreme_logits_stay_finite() -> None:
    at = torch.tensor([[300.0, -300.0]])
    for y in (torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])):
        for objective in (Classify(), Classify(focal=2.0), Classify(weights=(3.0, 20.0))):
            loss, slope = gradient(objective, at, y)
            assert torch.isfinite(loss) and torch.isfinite(slope).all()


def test_called_with_a_model_it_gives_the_loss_and_the_logits() -> None:
    batch = {"x": torch.ones(2, 3, 5), "y": torch.tensor([[1.0], [torch.nan]])}
    found = Classify()(lambda x: x.mean(dim=(1, 2), keepdim=True).flatten(1).bfloat16(), batch)
    assert found["logits"].dtype == torch.float32 and found["logits"].shape == (2, 1)
    torch.testing.assert_close(found["loss"], softplus(torch.tensor(-1.0)))


# One class of several


def chosen(seed: int = 2) -> Tensor:
    return torch.randint(SHAPE[1], (SHAPE[0],), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 5.0, 0.5)])
def test_of_exclusive_classes_it_is_pytorchs_cross_entropy(weights: tuple[float, ...] | None) -> None:
    given = None if weights is None else torch.tensor(weights)
    ours = Categorical(weights).loss(logits(), one_hot(chosen(), SHAPE[1]).float())
    torch.testing.assert_close(ours, cross_entropy(logits(), chosen(), weight=given))


def test_a_record_of_unknown_class_says_nothing() -> None:
    y = one_hot(chosen(), SHAPE[1]).float()
    y[3, 1] = torch.nan
    rest = [i for i in range(SHAPE[0]) if i != 3]
    torch.testing.assert_close(Categorical().loss(logits(), y), cross_entropy(logits()[rest], chosen()[rest]))
    at = logits().requires_grad_()
    none = Categorical().loss(at, torch.full(SHAPE, torch.nan))
    assert none == 0 and (torch.autograd.grad(none, at)[0] == 0).all()


def test_what_is_easy_counts_less_when_asked() -> None:
    y = one_hot(chosen(), SHAPE[1]).float()
    sure = 4 * y
    assert Categorical(focal=2.0).loss(sure, y) < Categorical().loss(sure, y) < 0.1
    torch.testing.assert_close(Categorical(focal=0.0).loss(logits(), y), Categorical().loss(logits(), y))


def test_probabilities_are_those_of_the_loss() -> None:
    y = one_hot(chosen(), SHAPE[1]).float()
    told = Categorical().probabilities(logits())
    torch.testing.assert_close(told.sum(dim=1), torch.ones(SHAPE[0]))
    torch.testing.assert_close(Categorical().loss(logits(), y), -(told * y).sum(dim=1).log().mean())
    each = Classify().probabilities(logits())
    expected = -(truth() * each.log() + (1 - truth()) * (1 - each).log()).mean()
    torch.testing.assert_close(Classify().loss(logits(), truth()), expected)


def test_a_shift_moves_the_logits_of_the_loss_and_not_those_of_the_answer() -> None:
    shift = (-3.0, 0.0, 1.0, 2.0)
    moved, plain = Classify(shift=shift), Classify()
    torch.testing.assert_close(
        moved.loss(logits(), truth()), plain.loss(logits() + torch.tensor([shift]), truth()), rtol=1e-5, atol=1e-6
    )
    assert torch.equal(moved.probabilities(logits()), plain.probabilities(logits()))


def test_labels_between_no_and_yes_weigh_both() -> None:
    """As mixed signals have them: the loss is linear in the label."""
    for objective in (Classify(), Classify(weights=(1.0, 2.0, 5.0, 0.5)), Asymmetric()):
        ends = [objective.loss(logits(), torch.full(SHAPE, y)) for y in (0.0, 1.0)]
        torch.testing.assert_close(objective.loss(logits(), torch.full(SHAPE, 0.3)), 0.7 * ends[0] + 0.3 * ends[1])


def test_without_exponents_and_margin_asymmetric_is_plain() -> None:
    torch.testing.assert_close(Asymmetric(0.0, 0.0, 0.0).loss(logits(), truth()), Classify().loss(logits(), truth()))


@given(logit=st.floats(-6, 6), label=st.sampled_from([0.0, 1.0]), positive=st.floats(0, 3), negative=st.floats(0, 5))
def test_asymmetric_weighs_each_kind_by_its_own_exponent(
    logit: float, label: float, positive: float, negative: float
) -> None:
    at, y, margin = torch.tensor([[logit]]), torch.tensor([[label]]), 0.05
    p = torch.sigmoid(at)
    alarm = (p - margin).clamp(min=0)
    expected = (1 - p) ** positive * -p.log() if label else alarm**negative * -(1 - alarm).log()
    torch.testing.assert_close(Asymmetric(positive, negative, margin).loss(at, y), expected.squeeze())


def test_a_negative_within_the_margin_pulls_at_nothing() -> None:
    at = torch.tensor([[-4.0, -3.5, 0.0]])
    _, slope = gradient(Asymmetric(), at, torch.zeros(1, 3))
    assert (slope[0, :2] == 0).all() and slope[0, 2] > 0


@pytest.mark.parametrize("told", [{"positive": -1}, {"negative": -1}, {"margin": 1}, {"margin": -0.1}])
def test_exponents_and_margins_that_cannot_be_are_refused(told: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="exponents are 0 or more, and the margin lies from 0 to below 1"):
        Asymmetric(**told)
