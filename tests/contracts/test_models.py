"""What every model must do, swept over all files of the room; then what single ones promise."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from einthoven import registry
from einthoven.datasets.simulated import Simulated
from einthoven.layers.dropout import Dropout
from einthoven.layers.temporal import Conv
from einthoven.models import Estimator, Network, Shape, build

SHAPE = Shape(leads=12, samples=500, rate_hz=100.0, classes=3)
CLASSES = {name: registry.get("models", name) for name in registry.names("models")}
NETWORKS = [name for name, cls in CLASSES.items() if issubclass(cls, Network)]
ESTIMATORS = [name for name, cls in CLASSES.items() if issubclass(cls, Estimator)]
BF16_TOLERANCE = 0.03  # of the largest logit: bf16 rounds to 1/256, and a network has up to a hundred layers


def signals(batch: int = 4, samples: int = SHAPE.samples, seed: int = 0) -> Tensor:
    return torch.randn(batch, 12, samples, generator=torch.Generator().manual_seed(seed))


def network(name: str, shape: Shape = SHAPE, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    made = build(name, shape)
    assert isinstance(made, Network)
    return made


def stirred(name: str, shape: Shape = SHAPE) -> Network:
    """A network without dropout whose every parameter and statistic is off its start: zeros may hide mistakes."""
    made = network(name, shape)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
        for key, buffer in made.named_buffers():
            if key.endswith("running_mean"):
                buffer += 0.1 * torch.randn_like(buffer)
    for module in made.modules():
        if isinstance(module, Dropout):
            module.share = 0.0
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return made


def apart(a: Tensor, b: Tensor) -> float:
    """The largest difference beside the largest value."""
    return ((a - b).abs().max() / b.abs().max().clamp(min=1e-12)).item()


def test_every_model_is_a_network_or_an_estimator() -> None:
    assert NETWORKS and ESTIMATORS
    assert sorted(NETWORKS + ESTIMATORS) == sorted(CLASSES)


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(registry.UnknownName, match="did you mean 'code_resnet'"):
        build("code_resnett", SHAPE)


# Networks


@pytest.mark.parametrize("name", NETWORKS)
class TestNetwork:
    """Every network."""

    def test_forward_is_head_after_features(self, name: str) -> None:
        model, x = network(name).eval(), signals()
        features = model.features(x)
        assert features.ndim == 2 and len(features) == len(x)
        logits = model(x)
        assert logits.shape == (4, SHAPE.classes) and torch.isfinite(logits).all()
        assert torch.equal(logits, model.head(features))

    def test_every_parameter_gets_a_gradient(self, name: str) -> None:
        model = stirred(name).train()
        weights = torch.randn(4, SHAPE.classes, generator=torch.Generator().manual_seed(2))
        (model(signals()) * weights).sum().backward()
        for key, parameter in model.named_parameters():
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all(), key
            assert parameter.grad.abs().max() > 0, key

    def test_another_head_leaves_the_features_alone(self, name: str) -> None:
        model, x = network(name).eval(), signals()
        before = model.features(x)
        model.reset_head(7)
        model.eval()
        assert model(x).shape == (4, 7)
        assert torch.equal(model.features(x), before)

    def test_saved_and_loaded_it_gives_the_same_answer(self, name: str, tmp_path: Path) -> None:
        model = stirred(name).train()
        model(signals(seed=3))  # the statistics move
        save_file(model.state_dict(), tmp_path / "model.safetensors")
        again = network(name, seed=9)
        assert not torch.equal(again.eval()(signals()), model.eval()(signals()))
        again.load_state_dict(load_file(tmp_path / "model.safetensors"))
        assert torch.equal(again.eval()(signals()), model(signals()))

    def test_lengths(self, name: str) -> None:
        model = network(name).eval()
        for samples in (SHAPE.samples - 1, SHAPE.samples - 2, 333, 251):
            assert model(signals(samples=samples)).shape == (4, SHAPE.classes)
        if model.any_length:
            assert model(signals(samples=777)).shape == (4, SHAPE.classes)
        else:
            with pytest.raises(ValueError, match=r"takes 500 samples a lead, not 501"):
                model(signals(samples=501))

    def test_a_shape_of_odd_length(self, name: str) -> None:
        model = network(name, Shape(leads=8, samples=317, rate_hz=100.0, classes=1)).eval()
        assert model(signals(samples=317)[:, :8]).shape == (4, 1)

    @pytest.mark.parametrize("samples", [500, 333])
    def test_both_layouts_give_one_answer(self, name: str, samples: int) -> None:
        model, x = stirred(name).eval(), signals(samples=samples)
        plain = model(x)
        model.fast = True
        assert apart(model(x), plain) < 1e-4

    def test_both_layouts_give_one_gradient(self, name: str) -> None:
        model = stirred(name).train()
        weights = torch.randn(4, SHAPE.classes, generator=torch.Generator().manual_seed(2))
        found = []
        for model.fast in (False, True):
            model.zero_grad()
            (model(signals()) * weights).sum().backward()
            found.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
        assert apart(found[1], found[0]) < 1e-4

    def test_bf16_is_near(self, name: str) -> None:
        model, x = stirred(name).eval(), signals(8)
        with torch.inference_mode():
            plain = model(x)
            model.fast = True
            with torch.autocast("cpu", torch.bfloat16):
                short = model(x).float()
        assert 0 < apart(short, plain) < BF16_TOLERANCE

    def test_its_weights_are_its_seed(self, name: str) -> None:
        one, two, other = (network(name, seed=seed).state_dict() for seed in (5, 5, 6))
        assert all(torch.equal(one[key], two[key]) for key in one)
        assert any(not torch.equal(one[key], other[key]) for key in one)

    def test_evaluation_is_no_chance(self, name: str) -> None:
        model = network(name).eval()
        assert torch.equal(model(signals()), model(signals()))

    def test_records_do_not_see_each_other_in_evaluation(self, name: str) -> None:
        model, x = stirred(name).eval(), signals()
        assert apart(model(x[1:3]), model(x)[1:3]) < 1e-4


# The CODE network


@pytest.fixture(scope="module")
def paper() -> Network:
    """The network in the form of the paper."""
    return network("code_resnet", Shape(12, 4096, 400.0, 6)).eval()


def test_the_code_network_has_the_parameters_of_the_paper(paper: Network) -> None:
    assert sum(p.numel() for p in paper.parameters() if p.requires_grad) == 6_421_910


def test_the_code_network_has_nine_convolutions_on_its_main_path(paper: Network) -> None:
    convolutions = [m for m in paper.modules() if isinstance(m, nn.Conv1d)]
    main = [c for c in convolutions if c.kernel_size == (16,)]
    skips = [c for c in convolutions if c.kernel_size == (1,)]
    assert (len(main), len(skips), len(convolutions)) == (9, 4, 13)
    assert all(c.bias is None for c in convolutions)
    assert [c.out_channels for c in main] == [64, 128, 128, 196, 196, 256, 256, 320, 320]
    assert [c.out_channels for c in skips] == [128, 196, 256, 320]
    assert sum(isinstance(m, Dropout) and m.share == 0.2 for m in paper.modules()) == 4


def test_the_code_network_narrows_time_as_the_paper_says(paper: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    plain = Conv.convolve

    def watched(conv: Conv, *given: Any) -> torch.Tensor:
        out = plain(conv, *given)
        if conv.kernel_size == (16,):
            shapes.append(tuple(out.shape[1:]))
        return out

    monkeypatch.setattr(Conv, "convolve", watched)
    features = paper.features(signals(1, 4096))
    assert shapes[::2] == [(64, 4096), (128, 1024), (196, 256), (256, 64), (320, 16)]
    assert features.shape == (1, 320 * 16)


def test_the_code_network_starts_as_he_says(paper: Network) -> None:
    """He normal: the variance of a weight is two over the number of its inputs."""
    for module in paper.modules():
        if isinstance(module, Conv):
            inputs = module.in_channels * module.kernel_size[0]
            assert module.weight.var().item() == pytest.approx(2 / inputs, rel=0.1)


@pytest.mark.parametrize("missing", [1, 2, 64, 167])
def test_the_code_network_centres_a_shorter_input(missing: int) -> None:
    model, x = stirred("code_resnet").eval(), signals()
    before, after = missing // 2, missing - missing // 2
    padded = x.clone()
    padded[..., :before] = padded[..., SHAPE.samples - after :] = 0
    assert torch.equal(model(x[..., before : SHAPE.samples - after]), model(padded))
    assert not torch.equal(model(padded), model(x))


def test_the_code_networks_skip_is_the_raw_sum() -> None:
    """With the main path at zero only pools and 1 × 1 convolutions are left between the stem and the last sum."""
    model = stirred("code_resnet", Shape(12, 1024, 100.0, 3)).eval()
    with torch.no_grad():
        for block in model.blocks:
            block.conv2.weight.zero_()
    x = signals(2, 1024)
    y = torch.relu(model.norm(model.stem(x)))
    for block in model.blocks:
        y = nn.functional.conv1d(nn.functional.max_pool1d(y, 4), block.skip.weight)
    last = model.blocks[-1]
    # The folded normalisation of the stem rounds differently.
    torch.testing.assert_close(model.features(x), torch.relu(last.norm2(y)).flatten(1), rtol=1e-4, atol=1e-4)


def test_the_xresnet_has_the_size_of_the_benchmark() -> None:
    """1.9 million parameters, 1 + 3 × 33 + 2 convolutions on the main path."""
    model = network("xresnet1d101", Shape(12, 250, 100.0, 71))
    main = [key for key, m in model.named_modules() if isinstance(m, Conv) and ".skip" not in key]
    assert len(main) == 3 + 3 * (3 + 4 + 23 + 3)
    assert 1.8e6 < sum(p.numel() for p in model.parameters()) < 2.0e6


def test_a_fresh_xresnet_block_is_its_skip() -> None:
    block = network("xresnet1d101").body[-1]
    x = signals(2, 30).repeat(1, 22, 1)[:, :256]
    assert torch.equal(block(x), torch.relu(x))


# Estimators


@pytest.fixture(scope="module")
def records() -> tuple[np.ndarray, np.ndarray]:
    """Simulated signals and three labels: fast rhythm, own sex, and a coin."""
    source = Simulated(30, rate_hz=SHAPE.rate_hz, duration_s=5.0, visits=(1, 1))
    table = source.table()
    x = np.stack([source.read(record).signal for record in table["record_id"]])
    normal = np.array(["scp:NORM" in codes for codes in table["positive"]])
    coin = np.random.default_rng(0).random(len(table)) < 0.5
    return x, np.column_stack([normal, table["sex"] == "female", coin]).astype(np.float32)


def fitted(name: str, x: np.ndarray, y: np.ndarray, seed: int = 0) -> Estimator:
    model = build(name, Shape(12, x.shape[-1], SHAPE.rate_hz, y.shape[1]), seed=seed)
    assert isinstance(model, Estimator)
    model.fit(x, y)
    return model


@pytest.mark.parametrize("name", ESTIMATORS)
class TestEstimator:
    """Every estimator."""

    def test_it_gives_probabilities(self, name: str, records: tuple[np.ndarray, np.ndarray]) -> None:
        x, y = records
        p = fitted(name, x, y).predict(x[:5])
        assert p.shape == (5, 3) and p.dtype == np.float32
        assert ((p >= 0) & (p <= 1)).all()

    def test_unknown_labels_do_not_count(self, name: str, records: tuple[np.ndarray, np.ndarray]) -> None:
        x, y = records
        y, other = y.copy(), x.copy()
        y[::3] = np.nan
        other[::3] = np.random.default_rng(1).normal(size=other[::3].shape)
        p = fitted(name, x, y).predict(x)
        assert np.isfinite(p).all()
        np.testing.assert_array_equal(p, fitted(name, other, y).predict(x))
        np.testing.assert_array_equal(
            p, fitted(name, np.delete(x, np.s_[::3], 0), np.delete(y, np.s_[::3], 0)).predict(x)
        )

    def test_unknown_labels_of_one_class_leave_the_others_alone(
        self, name: str, records: tuple[np.ndarray, np.ndarray]
    ) -> None:
        x, y = records
        holes = y.copy()
        holes[1::2, 0] = np.nan
        one, two = fitted(name, x, y).predict(x), fitted(name, x, holes).predict(x)
        np.testing.assert_array_equal(one[:, 1:], two[:, 1:])

    def test_a_class_with_one_kind_of_label(self, name: str, records: tuple[np.ndarray, np.ndarray]) -> None:
        x, y = records
        y = y.copy()
        y[:, 0], y[:, 1], y[:, 2] = 1.0, 0.0, np.nan
        y[0, :2] = np.nan
        np.testing.assert_array_equal(fitted(name, x, y).predict(x[:3]), np.tile([1.0, 0.0, 0.5], (3, 1)))

    def test_it_is_its_seed(self, name: str, records: tuple[np.ndarray, np.ndarray]) -> None:
        x, y = records
        one = fitted(name, x, y, 3).predict(x)
        np.random.seed(99)  # noqa: NPY002 - the global state must not matter
        np.testing.assert_array_equal(one, fitted(name, x, y, 3).predict(x))


def test_naive_is_the_prevalence(records: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = records
    y = y.copy()
    y[:7, 1] = np.nan
    p = fitted("naive", x, y).predict(x[:4])
    np.testing.assert_allclose(p, np.tile(np.nanmean(y, axis=0), (4, 1)), rtol=1e-6)


def test_boosting_learns_what_the_seed_decides(records: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = records
    one, other = (fitted("boosting", x, y, seed).predict(x) for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert one[y[:, 0] == 1, 0].mean() > one[y[:, 0] == 0, 0].mean() + 0.2
