"""What must hold of the ResNet-18: torchvision's parameters, the paper's arithmetic, and images made inside."""

import json
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven import registry
from einthoven.models import Network, Shape, build
from einthoven.models.resnet18 import ResNet18
from einthoven.signals.spectrogram import spectrogram

SHAPE = Shape(leads=3, samples=240, rate_hz=100.0, classes=5)
NAMED = {"name": "spectrogram", "window_s": 0.3, "band_hz": (1.0, 30.0), "size": (32, 48), "log": False}


def folded(x: Tensor, rate_hz: float) -> Tensor:
    """A stand-in: the signal, laid down in rows of 20 samples."""
    return x.unflatten(-1, (-1, 20))


def resnet(seed: int = 0, shape: Shape = SHAPE, *, width: int = 8, image=folded) -> ResNet18:
    torch.manual_seed(seed)
    return ResNet18(shape, width=width, image=image)


def stirred(**options) -> ResNet18:
    """With every parameter and statistic off its start."""
    made = resnet(**options)
    torch.manual_seed(1)
    with torch.no_grad():
        for key, tensor in made.state_dict().items():
            if key.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif tensor.is_floating_point():
                tensor += 0.1 * torch.randn_like(tensor)
    return made


def torchvisions(width: int = 64, channels: int = 3, classes: int = 1000) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The names and shapes of torchvision's state dict, in its order."""

    def norm(name: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        for key in ("weight", "bias", "running_mean", "running_var"):
            yield f"{name}.{key}", (size,)
        yield f"{name}.num_batches_tracked", ()

    yield "conv1.weight", (width, channels, 7, 7)
    yield from norm("bn1", width)
    before = width
    for stage in (1, 2, 3, 4):
        size = width * 2 ** (stage - 1)
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            yield f"{name}.conv1.weight", (size, before, 3, 3)
            yield from norm(f"{name}.bn1", size)
            yield f"{name}.conv2.weight", (size, size, 3, 3)
            yield from norm(f"{name}.bn2", size)
            if block == 0 and stage > 1:
                yield f"{name}.downsample.0.weight", (size, before, 1, 1)
                yield from norm(f"{name}.downsample.1", size)
            before = size
    yield "fc.weight", (classes, 8 * width)
    yield "fc.bias", (classes,)


@pytest.mark.parametrize(("width", "channels", "classes"), [(64, 3, 1000), (32, 1, 5), (64, 2, 3)])
def test_the_parameters_are_torchvisions(width: int, channels: int, classes: int) -> None:
    model = resnet(shape=Shape(channels, 240, 100.0, classes), width=width)
    assert [(key, tuple(t.shape)) for key, t in model.state_dict().items()] == [*torchvisions(width, channels, classes)]
    if width == 64 and channels == 3:
        assert sum(p.numel() for p in model.parameters()) == 11_689_512


def by_hand(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The network of the paper's table 1, from a state dict alone, in 64 bits."""
    state = {key: t.double() for key, t in state.items()}

    def conv(name: str, norm: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        y = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, variance, scale, shift = (
            state[f"{norm}.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return (y - mean) / (variance + 1e-5).sqrt() * scale + shift

    x = F.max_pool2d(conv("conv1", "bn1", x.double(), 2).relu(), 3, 2, 1)
    for name in [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]:
        stride = 2 if name[5] > "1" and name.endswith("0") else 1
        y = conv(f"{name}.conv2", f"{name}.bn2", conv(f"{name}.conv1", f"{name}.bn1", x, stride).relu())
        narrowed = conv(f"{name}.downsample.0", f"{name}.downsample.1", x, 2) if stride == 2 else x
        x = (y + narrowed).relu()
    return F.linear(x.mean(dim=(2, 3)), state["fc.weight"], state["fc.bias"])


@pytest.mark.parametrize("fast", [False, True])
def test_the_arithmetic_is_the_papers(fast: bool) -> None:
    model = stirred().eval()
    model.fast = fast
    x = torch.randn(3, 3, 1280)
    want = by_hand(model.state_dict(), folded(x, 100.0))
    torch.testing.assert_close(model(x).double(), want, rtol=1e-4, atol=1e-5 * want.abs().max().item())


def test_an_image_of_64_pixels_narrows_to_2() -> None:
    model, shapes = resnet(width=64).eval(), []
    for part in (model.conv1, model.layer1, model.layer2, model.layer3, model.layer4):
        part.register_forward_hook(lambda module, given, out: shapes.append(tuple(out.shape[1:])))
    features = model.look(torch.randn(1, 3, 64, 64))
    assert shapes == [(64, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2)]
    assert features.shape == (1, 512)


def test_it_starts_as_torchvisions() -> None:
    """He normal over what goes out of each convolution; normalisations that change nothing."""
    for module in resnet(width=64).modules():
        if isinstance(module, nn.Conv2d):
            outputs = module.out_channels * module.kernel_size[0] ** 2
            assert module.weight.var().item() == pytest.approx(2 / outputs, rel=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all() and (module.bias == 0).all()


def test_the_head_is_what_torchvision_calls_fc() -> None:
    model = resnet()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    model.reset_head(9)
    after = model.state_dict()
    assert model.head is model.fc and list(after) == list(before)
    assert [key for key in after if not torch.equal(after[key], before[key])] == ["fc.weight", "fc.bias"]
    assert not any(key.startswith("head") for key in after)


# Images


def test_a_named_image_is_the_function_of_that_name_and_survives_json() -> None:
    model = resnet(image=NAMED).eval()
    x = torch.randn(2, 3, 240)
    options = json.loads(json.dumps({"image": NAMED, "width": 8}))
    again = build("resnet18", SHAPE, **options)
    assert isinstance(again, Network)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.eval()(x), model(x))
    by_call = spectrogram(x, 100.0, window_s=0.3, band_hz=(1.0, 30.0), size=(32, 48), log=False)
    assert by_call.shape == (2, 3, 32, 48)
    assert torch.equal(model.head(model.look(by_call)), model(x))


def test_an_image_by_default_has_its_mean_at_0_and_its_spread_at_1() -> None:
    model = resnet(image=None)
    image = model.image(torch.randn(2, 3, 240), 100.0)
    assert image.shape == (2, 3, 64, 64)
    torch.testing.assert_close(image.mean(dim=(2, 3)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(image.std(dim=(2, 3)), torch.ones(2, 3), atol=1e-3, rtol=0)


def test_the_network_has_as_many_channels_as_the_image() -> None:
    def doubled(x: Tensor, rate_hz: float) -> Tensor:
        return folded(x, rate_hz).repeat(1, 2, 1, 1)

    assert resnet(image=doubled).conv1.in_channels == 6
    assert resnet(shape=Shape(1, 240, 100.0, 5)).conv1.in_channels == 1


def test_the_image_is_given_the_rate() -> None:
    rates = []
    model = resnet(shape=Shape(3, 240, 360.0, 5), image=lambda x, rate_hz: rates.append(rate_hz) or folded(x, rate_hz))
    model(torch.randn(2, 3, 240))
    assert rates == [360.0, 360.0]


def test_what_makes_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"signals 1 × 3 × 240 became 1 × 3 × 120; choose another image"):
        resnet(image=lambda x, rate_hz: x[..., ::2])
    with pytest.raises(registry.UnknownName, match="did you mean 'spectrogram'"):
        resnet(image={**NAMED, "name": "spectogram"})
    with pytest.raises(ValueError, match="window"):
        resnet(image={**NAMED, "window_s": 9.0})


def test_a_gradient_goes_through_the_image_to_the_signal() -> None:
    model = resnet(image=NAMED)
    x = torch.randn(4, 3, 240, requires_grad=True)
    model(x).square().sum().backward()
    assert torch.isfinite(x.grad).all() and (x.grad.abs().amax(dim=-1) > 0).all()


def test_it_learns_to_tell_a_fast_wave_from_a_slow_one() -> None:
    """Of any phase, so that no pixel of the signal itself could tell."""
    torch.manual_seed(0)
    fast = torch.arange(64) % 2
    phase = (
        2 * torch.pi * (torch.linspace(0, 2.4, 240) * torch.where(fast == 1, 12.0, 5.0)[:, None] + torch.rand(64, 1))
    )
    x, y = torch.sin(phase)[:, None] + 0.2 * torch.randn(64, 1, 240), fast[:, None].float()
    model = resnet(shape=Shape(1, 240, 100.0, 1), image={**NAMED, "size": (24, 24)})
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(6):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(x[:32]), y[:32]).backward()
        optimizer.step()
    model.train()  # six steps are too few for the statistics
    assert ((model(x[32:]) > 0) == (y[32:] > 0)).float().mean() > 0.9
