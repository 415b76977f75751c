"""What every model must do, swept over all files of the room; then what single ones promise."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor, nn

from einthoven import registry
from einthoven.datasets.simulated import Simulated
from einthoven.layers.dropout import Dropout
from einthoven.layers.temporal import Conv
from einthoven.models import Encoder, Estimator, Network, Shape, build
from einthoven.signals.beat_shape import beat_shape
from einthoven.signals.features import features

SHAPE = Shape(leads=12, samples=500, rate_hz=100.0, classes=3)
BESIDE = dataclasses.replace(SHAPE, exclusive=True, covariates=3)
CLASSES = {name: registry.get("models", name) for name in registry.names("models")}
NETWORKS = [name for name, cls in CLASSES.items() if issubclass(cls, Network)]
ENCODERS = [name for name, cls in CLASSES.items() if issubclass(cls, Encoder)]
GAPS = dataclasses.replace(SHAPE, gaps=True)
ESTIMATORS = [name for name, cls in CLASSES.items() if issubclass(cls, Estimator)]
BF16_TOLERANCE = 0.03  # of the largest logit: bf16 rounds to 1/256, and a network has up to a hundred layers


# What promises the same at any size is asked of a small one.
SMALL: dict[str, dict[str, int]] = {
    "ecg_vit": {"features": 24, "depth": 2, "heads": 2},
    "state_space": {"features": 16, "depth": 2},
    "resnet18": {"width": 16},
}


def signals(batch: int = 4, samples: int = SHAPE.samples, seed: int = 0) -> Tensor:
    return torch.randn(batch, 12, samples, generator=torch.Generator().manual_seed(seed))


def beside(batch: int = 4, seed: int = 7) -> Tensor:
    return torch.randn(batch, 3, generator=torch.Generator().manual_seed(seed))


def network(name: str, shape: Shape = SHAPE, seed: int = 0, small: bool = True) -> Network:
    torch.manual_seed(seed)
    made = build(name, shape, **(SMALL.get(name, {}) if small else {}))
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
        """In 64 bits: in 32 an activation next to 0 may be cut off in one and not in the other."""
        model, x = stirred(name).double().train(), signals().double()
        weights = torch.randn(4, SHAPE.classes, generator=torch.Generator().manual_seed(2))
        found = []
        for model.fast in (False, True):
            model.zero_grad()
            (model(x) * weights).sum().backward()
            found.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
        assert apart(found[1], found[0]) < 1e-10

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

    def test_what_is_known_beside_the_signal_joins_its_features(self, name: str) -> None:
        model, plain, x, c = stirred(name, BESIDE).eval(), network(name).eval(), signals(), beside()
        shared = {key: tensor for key, tensor in model.state_dict().items() if key in plain.state_dict()}
        plain.reset_head(1)
        own = plain.state_dict()
        plain.load_state_dict(
            {**own, **{key: tensor for key, tensor in shared.items() if own[key].shape == tensor.shape}}
        )
        assert len(own) == len(shared) == len(model.state_dict()) - 4
        features = model.features(x)
        assert torch.equal(features, plain.features(x)), "they are the signal's alone"
        logits = model(x, c)
        assert torch.equal(logits, model.head(torch.cat([features, model.beside(c)], dim=1)))
        other = c.clone()
        other[1] += 1
        assert (model(x, other) != logits).any(dim=1).tolist() == [False, True, False, False]

    def test_with_covariates_too_every_parameter_gets_a_gradient_and_the_head_can_change(self, name: str) -> None:
        model = stirred(name, BESIDE).train()
        weights = torch.randn(16, 3, generator=torch.Generator().manual_seed(2))
        (model(signals(16), beside(16)) * weights).sum().backward()
        for key, parameter in model.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().max() > 0, key
        model.reset_head(7)
        assert model.eval()(signals(), beside()).shape == (4, 7)

    def test_covariates_of_another_number_are_refused(self, name: str) -> None:
        model, plain = network(name, BESIDE), network(name)
        for given, there in ((None, 0), (beside()[:, :2], 2)):
            with pytest.raises(ValueError, match=f"takes 3 covariates beside the signal, not {there}"):
                model(signals(), given)
        with pytest.raises(ValueError, match="takes 0 covariates beside the signal, not 3"):
            plain(signals(), beside())

    def test_a_network_is_the_same_whether_its_classes_exclude_each_other(self, name: str) -> None:
        one, other = (network(name, dataclasses.replace(SHAPE, exclusive=said)).eval() for said in (False, True))
        assert torch.equal(one(signals()), other(signals()))


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


def test_the_transformer_has_the_size_that_it_states() -> None:
    """2.7 million parameters at 100 Hz with twelve leads."""
    model = network("ecg_vit", Shape(12, 1000, 100.0, 6), small=False)
    assert 2.65e6 < sum(p.numel() for p in model.parameters()) < 2.75e6


def test_a_fresh_xresnet_block_is_its_skip() -> None:
    block = network("xresnet1d101").body[-1]
    x = signals(2, 30).repeat(1, 22, 1)[:, :256]
    assert torch.equal(block(x), torch.relu(x))


# The network for beats


def test_the_beat_network_is_small_and_does_not_see_an_offset() -> None:
    model = stirred("beat_cnn", Shape(1, 324, 360.0, 3)).eval()
    assert 1e5 < sum(p.numel() for p in model.parameters()) < 3e5
    x = signals()[:, :2, :324].reshape(8, 1, 324)
    offset = torch.linspace(-20, 20, 8)[:, None, None]
    assert apart(model(x + offset), model(x)) < 1e-3
    assert apart(model(2 * x), model(x)) > 0.01, "it does see the amplitude"


def test_the_beat_network_learns_where_a_wave_lies() -> None:
    """After or before the middle, which no mean of a lead tells, of either sign."""
    torch.manual_seed(0)
    late = torch.arange(96) % 2
    at = 162 + (2 * late[:, None] - 1) * (40 + 60 * torch.rand(96, 1))
    sign = torch.randint(0, 2, (96, 1)) * 2.0 - 1
    wave = sign * torch.exp(-0.5 * ((torch.arange(324) - at) / 8) ** 2) + 0.05 * torch.randn(96, 324)
    x, y = wave[:, None], late[:, None].float()
    x = torch.cat([x, torch.linspace(-1, 1, 324).expand(96, 1, 324)], dim=1)  # a clock on the second lead
    model = build("beat_cnn", Shape(2, 324, 360.0, 1))
    assert isinstance(model, Network)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(15):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(x[:64]), y[:64]).backward()
        optimizer.step()
    assert ((model(x[64:]) > 0) == (y[64:] > 0)).float().mean() > 0.9  # in training, for its statistics are young


# Encoders


@pytest.mark.parametrize("name", ENCODERS)
class TestEncoder:
    """Every encoder: a sequence that is pooled, and signals of which something is missing."""

    @pytest.mark.parametrize("samples", [500, 499, 333])
    def test_features_are_the_pooled_sequence(self, name: str, samples: int) -> None:
        model, x = stirred(name).eval(), signals(samples=samples)
        steps = model.steps(x)
        assert steps.shape[:2] == (4, model.channels)
        assert model.offset(samples) >= 0 and steps.shape[2] * model.stride >= model.offset(samples) + samples
        assert (steps.shape[2] - 1) * model.stride < (samples if model.any_length else SHAPE.samples)
        features = model.pool(steps)
        assert features.shape == (4, model.width) and torch.equal(features, model.features(x))
        model.fast = True
        assert apart(model.steps(x), steps) < 1e-4

    def test_a_step_looks_at_its_own_time(self, name: str) -> None:
        """What happens at the end of a signal is told by the last steps more than by the first ones."""
        model, x = stirred(name).eval(), signals(samples=SHAPE.samples)
        late = x.clone()
        late[..., -model.stride :] += 3
        change = (model.steps(late) - model.steps(x)).abs().sum(dim=(0, 1))
        assert change.argmax() >= len(change) - 2 and change[-1] > change[0]

    def test_what_is_missing_is_marked_and_the_mark_is_learnt(self, name: str) -> None:
        model, x = stirred(name, GAPS).eval(), signals()
        gone = x.clone()
        gone[:, 4], gone[:, :, 100:140] = torch.nan, torch.nan
        logits = model(gone)
        assert torch.isfinite(logits).all() and torch.isfinite(model.steps(gone)).all()
        by_hand = torch.where(torch.isnan(gone), model.absent[:, None], gone)
        assert torch.equal(logits, model(by_hand)) and not torch.allclose(logits, model(torch.nan_to_num(gone)))
        assert torch.equal(model(x), without_gaps(model, name)(x)), "with nothing missing it is the plain network"
        model.train()
        (model(gone) * torch.randn(4, 3, generator=torch.Generator().manual_seed(2))).sum().backward()
        assert (model.absent.grad != 0).all(), "every lead has a hidden span"

    def test_any_subset_of_leads_is_taken(self, name: str) -> None:
        model = stirred(name, GAPS).eval()
        for kept in ([0], [1, 6], list(range(6))):
            x = torch.full((2, 12, 500), torch.nan)
            x[:, kept] = signals(2)[:, kept]
            assert torch.isfinite(model(x)).all()

    def test_only_where_gaps_are_expected_there_is_a_mark(self, name: str) -> None:
        plain, open_ = network(name), network(name, GAPS)
        assert set(open_.state_dict()) - set(plain.state_dict()) == {"absent"}
        assert open_.absent.shape == (12,) and not hasattr(plain, "absent")


def without_gaps(model: Network, name: str) -> Network:
    """The same network built for signals without gaps."""
    twin = network(name).eval()
    twin.load_state_dict({key: tensor for key, tensor in model.state_dict().items() if key != "absent"})
    for module in twin.modules():
        if isinstance(module, Dropout):
            module.share = 0.0
    return twin


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


def fitted(
    name: str, x: np.ndarray, y: np.ndarray, seed: int = 0, beside: np.ndarray | None = None, exclusive: bool = False,
    **options: Any,
) -> Estimator:  # fmt: skip
    shape = Shape(
        x.shape[1], x.shape[2], SHAPE.rate_hz, y.shape[1], exclusive, 0 if beside is None else beside.shape[1]
    )
    model = build(name, shape, seed=seed, **({"rounds": 20} if name == "boosting" else {}) | options)
    assert isinstance(model, Estimator)
    model.fit(x, y, beside)
    return model


@pytest.fixture(scope="module")
def one_of_three(records: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signals, three classes that exclude each other, and three covariates, of which one tells of the class."""
    rng = np.random.default_rng(4)
    kind = np.repeat([0, 1, 2], [30, 18, 12])[rng.permutation(60)]
    covariates = rng.normal(size=(60, 3))
    covariates[:, 1] += 3 * kind
    covariates[rng.random((60, 3)) < 0.1] = np.nan
    x = rng.normal(size=(60, 12, 90)).cumsum(axis=-1)
    return x.astype(np.float32), np.eye(3, dtype=np.float32)[kind], covariates


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

    def test_classes_that_exclude_each_other_add_up_to_one(
        self, name: str, one_of_three: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> None:
        x, y, beside = one_of_three
        p = fitted(name, x, y, beside=beside, exclusive=True).predict(x, beside)
        assert p.shape == (60, 3) and p.dtype == np.float32 and ((p >= 0) & (p <= 1)).all()
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)

    def test_of_classes_that_exclude_each_other_a_record_is_known_or_not(
        self, name: str, one_of_three: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> None:
        x, y, beside = one_of_three
        holes = y.copy()
        holes[::4, 0] = holes[1::4] = np.nan
        kept = np.arange(60) % 4 > 1
        p = fitted(name, x, holes, beside=beside, exclusive=True).predict(x, beside)
        less = fitted(name, x[kept], y[kept], beside=beside[kept], exclusive=True).predict(x, beside)
        np.testing.assert_array_equal(p, less)

    def test_of_classes_that_exclude_each_other_some_may_be_absent(
        self, name: str, one_of_three: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> None:
        x, y, beside = one_of_three
        for present in ([0, 2], [1], []):
            some = np.where(y[:, present].any(axis=1, keepdims=True), y, np.nan)
            p = fitted(name, x, some, beside=beside, exclusive=True).predict(x, beside)
            np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
            absent = [i for i in range(3) if present and i not in present]
            assert (p[:, absent] == 0).all()
            if not present:
                np.testing.assert_allclose(p, 1 / 3, rtol=1e-6)

    def test_an_answer_goes_with_its_record(
        self, name: str, one_of_three: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> None:
        x, y, beside = one_of_three
        order = np.random.default_rng(3).permutation(60)
        for exclusive in (False, True):
            model = fitted(name, x, y, beside=beside, exclusive=exclusive)
            p = model.predict(x, beside)
            np.testing.assert_array_equal(model.predict(x[order], beside[order]), p[order])
            again = fitted(name, x[order], y[order], beside=beside[order], exclusive=exclusive)
            np.testing.assert_allclose(again.predict(x, beside), p, atol=1e-6)


def test_naive_is_the_prevalence(records: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = records
    y = y.copy()
    y[:7, 1] = np.nan
    p = fitted("naive", x, y).predict(x[:4])
    np.testing.assert_allclose(p, np.tile(np.nanmean(y, axis=0), (4, 1)), rtol=1e-6)


def test_boosting_learns_what_the_seed_decides(records: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = records
    one, other = (fitted("boosting", x, y, seed, rounds=200).predict(x) for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert one[y[:, 0] == 1, 0].mean() > one[y[:, 0] == 0, 0].mean() + 0.2


# Boosting


BEATS = {"measured": {"name": "beat_shape", "peak_s": 0.3}, "rounds": 12}
SETTINGS = {
    "learning_rate": 0.06, "max_leaf_nodes": 8, "max_features": 0.3, "min_samples_leaf": 10, "l2_regularization": 1.0,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip


def classifier(rounds: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(**SETTINGS, max_iter=rounds)


def test_boosting_is_one_classifier_a_class(records: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = records
    holes = y.copy()
    holes[::5, 1] = np.nan
    table = np.stack([features(signal, SHAPE.rate_hz) for signal in x])
    p = fitted("boosting", x, holes).predict(x)
    for i, truth in enumerate(holes.T):
        known = ~np.isnan(truth)
        model = classifier(20).fit(table[known], truth[known].astype(int))
        np.testing.assert_array_equal(p[:, i], model.predict_proba(table)[:, 1].astype(np.float32))


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_boosting_is_one_classifier_for_classes_that_exclude_each_other(
    one_of_three: tuple[np.ndarray, np.ndarray, np.ndarray], balance: float
) -> None:
    """On what is measured and the covariates beside it, which may be missing."""
    x, y, beside = one_of_three
    table = np.concatenate([beat_shape(x, SHAPE.rate_hz, peak_s=0.3), beside], axis=1)
    kind, count = y.argmax(axis=1), np.array([30, 18, 12])
    want = classifier(12).fit(table, kind, (60 / count[kind]) ** balance if balance else None).predict_proba(table)
    p = fitted("boosting", x, y, beside=beside, exclusive=True, balance=balance, **BEATS).predict(x, beside)
    np.testing.assert_array_equal(p, want.astype(np.float32))


def test_boosting_sees_what_is_beside_the_signal(one_of_three: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    x, y, beside = one_of_three
    for exclusive in (False, True):
        model = fitted("boosting", x, y, beside=beside, exclusive=exclusive, share=1.0, **BEATS)
        assert (model.predict(x, beside).argmax(axis=1) == y.argmax(axis=1)).mean() > 0.85
        blind = model.predict(x, np.full_like(beside, np.nan))
        assert np.isfinite(blind).all() and not np.array_equal(blind, model.predict(x, beside))


def test_boosting_does_without_what_was_never_known(one_of_three: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """A column of nothing in training is no column, whatever it holds later."""
    x, y, beside = one_of_three
    known = beside.copy()
    beside = np.insert(beside, 1, np.nan, axis=1)
    with_it = fitted("boosting", x, y, beside=beside, exclusive=True, **BEATS)
    without = fitted("boosting", x, y, beside=known, exclusive=True, **BEATS)
    np.testing.assert_array_equal(with_it.predict(x, np.insert(known, 1, 5.0, axis=1)), without.predict(x, known))


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_where_the_signal_says_nothing_a_class_has_its_weight(balance: float) -> None:
    """Of n records that weigh (60 / n)^balance each, which makes all classes alike at 1."""
    x, y = np.zeros((60, 1, 90)), np.repeat(np.eye(3), [30, 18, 12], axis=0)
    count = np.array([30.0, 18, 12])
    weight, against = count ** (1 - balance), (60 - count) ** (1 - balance)
    for exclusive, want in ((True, weight / weight.sum()), (False, weight / (weight + against))):
        p = fitted("boosting", x, y, exclusive=exclusive, balance=balance, **BEATS).predict(x[:2])
        np.testing.assert_allclose(p, [want, want], rtol=1e-5)


def test_what_boosting_measures_survives_json(one_of_three: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    x, y, _ = one_of_three
    one, again = (fitted("boosting", x, y, **options).predict(x) for options in (BEATS, json.loads(json.dumps(BEATS))))
    np.testing.assert_array_equal(one, again)
    usual, named, other = (
        fitted("boosting", x, y, rounds=12, **options).predict(x)
        for options in ({}, {"measured": "features"}, {"measured": {"name": "features"}})
    )
    np.testing.assert_array_equal(usual, named)
    np.testing.assert_array_equal(usual, other)
    assert not np.array_equal(usual, one)


def test_what_boosting_cannot_measure_is_refused_before_it_learns() -> None:
    shape = Shape(1, 90, 100.0, 3)
    for measured, error, words in (
        ({"name": "beat_shap", "peak_s": 0.3}, registry.UnknownName, "did you mean 'beat_shape'"),
        ({"name": "beat_shape", "peak_s": 3.0}, ValueError, "does not lie within 90 samples"),
        ("beat_shape", TypeError, "peak_s"),
        ("standardise", TypeError, "positional argument"),
        ({"name": "resample", "new_rate_hz": 50.0}, ValueError, "1 × 1 × 90 became 1 × 1 × 45; measure something else"),
    ):
        with pytest.raises(error, match=words):
            build("boosting", shape, seed=0, measured=measured)


def test_boosting_refuses_other_covariates_and_records_of_several_classes(
    one_of_three: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    x, y, beside = one_of_three
    model = fitted("boosting", x, y, beside=beside, exclusive=True, **BEATS)
    for given, there in ((None, 0), (beside[:, :2], 2)):
        with pytest.raises(ValueError, match=f"takes 3 covariates beside the signal, not {there}"):
            model.predict(x, given)
        with pytest.raises(ValueError, match=f"takes 3 covariates beside the signal, not {there}"):
            model.fit(x, y, given)
    several = y.copy()
    several[3], several[5] = 1, 0
    with pytest.raises(ValueError, match="2 records are of several classes or of none"):
        model.fit(x, several, beside)
