"""What every generator must do, swept over all files of the room; then what single ones promise."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from einthoven import objectives, registry
from einthoven.datasets.simulated import Simulated
from einthoven.generators import Autoencoder, Form, Generator, Learner, build, draw, learners, names, normal
from einthoven.generators.cnn_bilstm import CnnBiLSTM
from einthoven.generators.image_vqvae import ImageVQVAE
from einthoven.generators.vqvae import VQVAE
from einthoven.layers.quantizer import perplexity
from einthoven.records.leads import EIGHT, TWELVE
from einthoven.signals.intervals import intervals
from einthoven.training import Data, Device, Recipe, examine, fit

FORM = Form(samples=300, rate_hz=100.0, classes=3)
CLASSES = torch.eye(3)[torch.arange(6) % 3]
OPTIONS: dict[str, dict[str, object]] = {"simulator": {"groups": ["NORM", "AFIB", "CLBBB"]}}
OF_LEADS = [name for name in names() if registry.get("generators", name).emits == "leads"]
AUTOENCODERS = [name for name in learners() if issubclass(registry.get("generators", name), Autoencoder)]


def made(name: str, form: Form = FORM, seed: int = 0, **options: object) -> Generator:
    torch.manual_seed(seed)
    generator = build(name, form, **OPTIONS.get(name, {}) | options)
    y = np.eye(form.classes, dtype=np.float32)[np.arange(30) % form.classes]
    generator.look(signals(30, form), y)
    return generator


def stirred(name: str, form: Form = FORM) -> Generator:
    """A generator whose every parameter is off its start: zeros may hide mistakes."""
    generator = made(name, form)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return generator.eval()


def signals(count: int = 6, form: Form = FORM) -> np.ndarray:
    """Beats of one form at rates of their own, the leads of different height: what can be learnt in a minute."""
    rng = np.random.default_rng(3)
    phase = (np.arange(form.samples) / form.rate_hz * rng.uniform(0.8, 1.6, (count, 1)) + rng.random((count, 1))) % 1
    beat = np.exp(-0.5 * ((phase - 0.4) / 0.05) ** 2) - 0.2 * np.exp(-0.5 * ((phase - 0.7) / 0.1) ** 2)
    height = np.array([0.5, 1.0, -0.4, 0.3, 0.8, 1.2, 1.0, 0.7])
    return (height[:, None] * beat[:, None]).astype(np.float32)


def learner(name: str) -> Learner:
    generator = stirred(name)
    assert isinstance(generator, Learner)
    return generator


def asked(generator: Learner, x: np.ndarray, y: Tensor = CLASSES, seed: int = 0) -> dict[str, Tensor]:
    objective = objectives.build(generator.objective)
    drawn = objective.draw(x, FORM.rate_hz, np.random.default_rng(seed))
    batch = {key: torch.from_numpy(value) for key, value in drawn.items()} | {"y": y}
    return {**objective(generator, batch), **{f"of_{key}": value for key, value in batch.items()}}


def noise_of(generator: Generator, count: int = 6, seed: int = 0) -> Tensor:
    return torch.from_numpy(draw(generator.noise, seed=seed, numbers=range(count)))


def test_an_unknown_generator_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(registry.UnknownName, match="did you mean 'cnn_bilstm'"):
        build("cnn_bilsmt", FORM)


@pytest.mark.parametrize("name", OF_LEADS)
class TestGenerator:
    """Every generator of leads."""

    @pytest.mark.parametrize("form", [FORM, Form(317, 100.0, 3), Form(1000, 500.0, 3), Form(333, 128.0, 3)])
    def test_it_emits_the_eight_leads_of_its_form(self, name: str, form: Form) -> None:
        generator = stirred(name, form)
        with torch.inference_mode():
            x = generator.emit(noise_of(generator), CLASSES)
        assert x.shape == (6, 8, form.samples) and x.dtype == torch.float32
        assert torch.isfinite(x).all() and (x.std(dim=-1) > 0).all()

    def test_the_same_noise_makes_the_same_signal_in_any_company(self, name: str) -> None:
        generator = stirred(name)
        with torch.inference_mode():
            together, alone = (generator.emit(noise_of(generator)[rows], CLASSES[rows]) for rows in (slice(6), [4]))
        assert torch.allclose(together[4], alone[0], atol=1e-4)
        assert not torch.allclose(together[3], together[0], atol=1e-2)  # of one class, of other noise

    def test_what_is_wanted_counts(self, name: str) -> None:
        generator = stirred(name)
        with torch.inference_mode():
            one, other = (generator.emit(noise_of(generator), torch.roll(CLASSES, by, 0)) for by in (0, 1))
        assert (one - other).abs().amax(dim=(1, 2)).min() > 1e-3


@pytest.mark.parametrize("name", learners())
class TestLearner:
    """Every generator that learns."""

    def test_every_parameter_gets_a_gradient(self, name: str) -> None:
        generator = learner(name)
        generator.train()
        asked(generator, signals())["loss"].backward()
        for key, parameter in generator.named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), key
            assert parameter.grad.abs().max() > 0, key

    def test_the_unit_of_the_signals_changes_nothing_but_the_unit(self, name: str) -> None:
        generator, found = learner(name), []
        for unit in (1.0, 1000.0):
            x = unit * signals()
            generator.look(x, CLASSES.numpy())
            with torch.inference_mode():
                found.append((asked(generator, x)["loss"], generator.emit(noise_of(generator), CLASSES) / unit))
        assert torch.allclose(found[0][0], found[1][0], rtol=1e-4)
        assert torch.allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-4)

    def test_saved_and_loaded_it_makes_the_same(self, name: str, tmp_path: Path) -> None:
        generator = learner(name)
        generator.look(signals(), CLASSES.numpy())
        save_file(generator.state_dict(), tmp_path / "model.safetensors")
        again = made(name, seed=9).eval()
        again.load_state_dict(load_file(tmp_path / "model.safetensors"))
        with torch.inference_mode():
            assert torch.equal(*(each.emit(noise_of(each), CLASSES) for each in (generator, again)))

    def test_what_is_measured_has_a_value_for_each_signal(self, name: str) -> None:
        generator = learner(name)
        found = asked(generator, signals())
        batch = {key.removeprefix("of_"): value for key, value in found.items() if key.startswith("of_")}
        measured = objectives.build(generator.objective).measure(found, batch)
        assert measured and all(value.shape == (6,) and torch.isfinite(value).all() for value in measured.values())

    def test_it_learns_and_the_same_seed_gives_the_same_numbers(self, name: str, tmp_path: Path) -> None:
        x, recipe = signals(32), Recipe(8, 8, 3e-3, "adamw", schedule="one_cycle", monitor="last")
        y = np.eye(3, dtype=np.float32)[np.arange(32) % 3]
        data, device = Data(lambda rows: x[rows], y, FORM.rate_hz), Device("cpu", "32-true")
        objective, curves = objectives.build(registry.get("generators", name).objective), []
        for folder in ("one", "two"):
            generator = made(name)
            assert isinstance(generator, Learner)
            generator.look(x, y)
            rows = np.arange(32)
            history = fit(
                generator, objective, data, rows, rows, recipe, seed=0, folder=tmp_path / folder, device=device
            )
            curves.append([epoch["validation_loss"] for epoch in history])
            examined = examine(generator, objective, data, rows, recipe, seed=0, fabric=device.fabric())
            assert all(len(values) == 32 for values in examined.values())
        assert curves[0] == curves[1]
        many = examine(generator, objective, data, np.arange(300) % 32, recipe, seed=0, fabric=device.fabric())
        assert all(len(values) == 300 for values in many.values()), "more than are asked at a time"
        assert curves[0][-1] < 0.8 * curves[0][0]


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_interpolation_reconstructs_at_its_ends(name: str) -> None:
    generator = stirred(name)
    assert isinstance(generator, Autoencoder)
    first, second = (torch.from_numpy(part) for part in np.split(signals(12), 2))
    with torch.inference_mode():
        back = [generator.decode(generator.encode(x), CLASSES) for x in (first, second)]
        ends = [generator.interpolate(first, second, torch.full((6,), alpha), CLASSES) for alpha in (0.0, 1.0)]
        middle = generator.interpolate(first, second, torch.full((6,), 0.5), CLASSES)
        each = generator.interpolate(first, second, torch.tensor([0.0, 0.5, 1.0, 0.0, 0.5, 1.0]), CLASSES)
    assert torch.allclose(each[[0, 4, 2]], torch.stack([ends[0][0], middle[4], ends[1][2]]), atol=1e-5)
    assert torch.equal(ends[0], back[0]) and torch.allclose(ends[1], back[1], atol=1e-5)
    assert not torch.allclose(middle, back[0], atol=1e-2) and not torch.allclose(middle, back[1], atol=1e-2)


def test_streams_of_one_seed_say_nothing_of_each_other() -> None:
    seed = torch.tensor([7, 8])
    streams = torch.stack([normal(seed, (5000,), stream) for stream in range(4)])
    assert torch.equal(streams[2], normal(seed, (50, 100), 2).flatten())
    assert (torch.corrcoef(streams) - torch.eye(4)).abs().max() < 0.06  # four deviations of chance


def test_the_noise_of_a_record_depends_on_its_number_and_the_seed_alone() -> None:
    many = draw((2, 5), seed=3, numbers=range(10))
    assert np.array_equal(draw((2, 5), seed=3, numbers=[7, 2]), many[[7, 2]])
    assert len(np.unique(many)) == many.size and not np.array_equal(draw((2, 5), seed=4, numbers=range(10)), many)
    assert draw((2, 5), seed=3, numbers=[]).shape == (0, 2, 5)
    crowd = draw((1000,), seed=0, numbers=range(20))
    assert abs(crowd.mean()) < 0.02 and abs(crowd.std() - 1) < 0.02


def test_a_generator_that_draws_its_vectors_one_by_one_has_no_flow() -> None:
    plain = made("cnn_bilstm", prior="normal")
    assert isinstance(plain, CnnBiLSTM) and plain.prior is None
    assert "velocity" not in asked(plain, signals())
    with torch.inference_mode():
        noise = noise_of(plain)
        assert torch.equal(plain.emit(noise, CLASSES), plain.decode(noise.view(-1, *plain.inside), CLASSES))


def test_signals_that_are_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="15 samples at 100 Hz are too little for 'cnn_bilstm'"):
        build("cnn_bilstm", Form(15, 100.0, 2))


def test_a_copy_is_a_training_record_of_its_class_and_noise() -> None:
    x, y = signals(30), np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    plain, noisy = (made("copies", level=level) for level in (0.0, 0.5))
    found, apart = (each.emit(noise_of(each), CLASSES).numpy() for each in (plain, noisy))
    for one, wanted in zip(found, CLASSES.numpy(), strict=True):
        (row,) = np.flatnonzero((x == one).all(axis=(1, 2)))
        assert np.array_equal(y[row], wanted)
    assert (apart - found).std() == pytest.approx(0.5 * x.std(axis=(0, 2)).mean(), rel=0.2)
    many = plain.emit(torch.from_numpy(draw(plain.noise, seed=1, numbers=range(300))), CLASSES[:1].repeat(300, 1))
    assert len(np.unique(many.numpy(), axis=0)) == 10, "all ten of the class are copied in the end"
    assert not [key for key in plain.state_dict() if key != "spread"], "no checkpoint holds a record"
    with pytest.raises(ValueError, match="nothing to copy"):
        build("copies", FORM).emit(noise_of(plain), CLASSES)
    with pytest.raises(ValueError, match="0 or more, not -1"):
        build("copies", FORM, level=-1)


def test_the_simulator_makes_what_is_wanted() -> None:
    form = Form(1000, 100.0, 3)
    generator = made("simulator", form)
    noise = torch.from_numpy(draw(generator.noise, seed=0, numbers=range(12)))
    rate = {}
    for place, group in enumerate(("NORM", "AFIB", "CLBBB")):
        wanted = torch.eye(3)[[place] * 12]
        rate[group] = [intervals(x, 100.0, EIGHT) for x in generator.emit(noise, wanted).numpy()]
    qrs = {group: np.nanmedian([found["qrs_s"] for found in each]) for group, each in rate.items()}
    assert qrs["CLBBB"] > qrs["NORM"] + 0.02
    assert all(np.isnan(found["pr_s"]) for found in rate["AFIB"])
    assert generator.emit(noise[:1], torch.ones(1, 3)).shape == (1, 8, 1000), "what excludes each other is one of them"
    with pytest.raises(registry.UnknownName, match="did you mean 'AFIB'"):
        build("simulator", form, groups=["NORM", "AFIBB", "CLBBB"])
    with pytest.raises(ValueError, match="2 names for 3 classes"):
        build("simulator", form, groups=["NORM", "AFIB"])


@pytest.mark.parametrize("quantizer", ["codebook", "grid"])
def test_a_vqvae_says_only_what_letters_say(quantizer: str) -> None:
    """What is decoded hangs on the nearest letters, a mix of vectors too; and no class is told."""
    generator = made("vqvae", quantizer=quantizer).eval()
    assert isinstance(generator, VQVAE)
    first, second = (torch.from_numpy(part) for part in np.split(signals(12), 2))
    with torch.inference_mode():
        mix = torch.lerp(generator.encode(first), generator.encode(second), 0.5)
        letters = generator.codes(mix)
        spelt = generator.quantizer.lookup(letters.number).reshape(mix.shape)
        assert torch.allclose(generator.decode(mix, CLASSES), generator.decode(spelt, CLASSES), atol=1e-5)
        half = torch.full((6,), 0.5)
        assert torch.equal(generator.decode(mix, CLASSES), generator.interpolate(first, second, half, CLASSES.roll(1)))


def test_the_alphabet_of_a_vqvae_does_not_collapse() -> None:
    """On simulated ECGs most of the letters stay in use, and what comes back of unseen ones is like them."""
    source = Simulated(patients=80, rate_hz=100.0)
    order = [TWELVE.index(lead) for lead in EIGHT]
    x = np.stack([source.read(record).signal[order, :300] for record in source.table()["record_id"][:80]])
    generator = made("vqvae", quantizer="codebook", prior="none")
    generator.look(x, np.eye(3, dtype=np.float32)[np.arange(len(x)) % 3])
    objective, optimizer = objectives.build("quantized"), torch.optim.AdamW(generator.parameters(), 2e-3)
    rng = np.random.default_rng(0)
    for _ in range(60):
        drawn = objective.draw(x[rng.permutation(64)[:16]], FORM.rate_hz, rng)
        batch = {key: torch.from_numpy(value) for key, value in drawn.items()}
        objective(generator, batch | {"y": torch.zeros(16, 3)})["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    generator.eval()
    drawn = objective.draw(x[64:], FORM.rate_hz, rng)
    batch = {key: torch.from_numpy(value) for key, value in drawn.items()} | {"y": torch.zeros(len(x) - 64, 3)}
    with torch.inference_mode():
        found = objective(generator, batch)
    assert perplexity(found["index"]) > 32
    assert float(objective.measure(found, batch)["cosine"].median()) > 0.8


def pages(count: int = 6) -> np.ndarray:
    """Lines that run across a small page at heights of their own."""
    at = np.random.default_rng(3).uniform(4, 20, (count, 1, 1)) + 2 * np.sin(np.arange(64) / 9)
    return np.clip(1 - np.abs(np.arange(24)[:, None] - at), 0, 1).astype(np.float32)


def paged(seed: int = 0, **options: object) -> ImageVQVAE:
    torch.manual_seed(seed)
    generator = build("image_vqvae", Form(64, 6.4, 3), rows=24, **options)
    assert isinstance(generator, ImageVQVAE)
    return generator


def test_a_vqvae_of_pages_makes_pages() -> None:
    generator = paged().eval()
    with torch.inference_mode():
        for parameter in generator.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
        made = generator.emit(noise_of(generator), CLASSES)
        alone = generator.emit(noise_of(generator)[[4]], CLASSES[[4]])
    assert made.shape == (6, 24, 64) and 0 <= made.min() < made.max() <= 1
    assert torch.allclose(made[4], alone[0], atol=1e-4) and not torch.allclose(made[0], made[3], atol=1e-2)
    assert "image_vqvae" in learners("image") and "image_vqvae" not in learners()


def test_between_two_pages_the_letters_are_mixed_and_looked_up_again() -> None:
    generator = paged().eval()
    first, second = (torch.from_numpy(part) for part in np.split(pages(12), 2))
    with torch.inference_mode():
        mix = torch.lerp(generator.encode(first), generator.encode(second), 0.5)
        spelt = generator.quantizer.lookup(generator.codes(mix).number).reshape(mix.shape)
        found = generator.interpolate(first, second, torch.full((6,), 0.5), CLASSES)
        back = generator.interpolate(first, second, torch.zeros(6), CLASSES)
    assert torch.allclose(found, generator.decode(spelt, CLASSES), atol=1e-5)
    assert torch.equal(back, generator.decode(generator.encode(first), CLASSES))


def test_a_vqvae_of_pages_learns_and_every_part_of_it() -> None:
    generator, objective = paged().train(), objectives.build("pictured")
    optimizer, rng, losses = torch.optim.AdamW(generator.parameters(), 2e-3), np.random.default_rng(0), []
    for _ in range(40):
        batch = {key: torch.from_numpy(value) for key, value in objective.draw(pages(16), 6.4, rng).items()}
        found = objective(generator, batch | {"y": torch.eye(3)[torch.arange(16) % 3]})
        found["loss"].backward()
        if not losses:
            for key, parameter in generator.named_parameters():
                assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), key
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(found["loss"].detach()))
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
    measured = objective.measure({key: value.detach() for key, value in found.items()}, batch)
    assert set(measured) == {"rmse", "cosine", "flow_error", "codes"}
    assert all(value.shape == (16,) and torch.isfinite(value).all() for value in measured.values())


@pytest.mark.parametrize("name", ["vqvae", "image_vqvae"])
def test_one_without_a_prior_reads_and_interpolates_as_before_and_makes_nothing(name: str) -> None:
    make, x = (made, signals()) if name == "vqvae" else (paged, pages())
    whole, plain = (
        make(**({"name": name} if name == "vqvae" else {}), prior=prior).eval() for prior in ("flow", "none")
    )
    assert isinstance(whole, Autoencoder) and isinstance(plain, Autoencoder)
    plain.load_state_dict(whole.state_dict(), strict=False)
    gone = set(whole.state_dict()) - set(plain.state_dict())
    assert gone and all(key.startswith(("prior.", "velocity.")) for key in gone)
    with torch.inference_mode():
        one, other = (asked(each, x) for each in (whole, plain))
        assert "velocity" not in other and torch.equal(one["signal"], other["signal"])
        assert set(objectives.build(plain.objective).measure(other, {})) == {"rmse", "cosine", "codes"}
        first, half = torch.from_numpy(x), torch.full((6,), 0.5)
        assert torch.equal(*(each.interpolate(first, first.flip(0), half, CLASSES) for each in (whole, plain)))
        with pytest.raises(ValueError, match="prior=flow"):
            plain.emit(noise_of(plain), CLASSES)


def test_pages_that_cannot_be_halved_are_refused() -> None:
    with pytest.raises(ValueError, match="halved 3 times, which 20 × 64 are not"):
        build("image_vqvae", Form(64, 6.4, 3), rows=20)
    with pytest.raises(ValueError, match="by 0 or more, not -1"):
        objectives.build("pictured", pull=-1)
