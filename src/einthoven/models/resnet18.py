"""A two-dimensional ResNet-18 that sees each ECG as an image, such as its short-time spectrum.

He et al. 2016, "Deep residual learning for image recognition", https://arxiv.org/abs/1512.03385, in the form, with the
parameter names and from the start that torchvision gives it, so that weights published for torchvision load as they
are: 11 689 512 parameters with three channels and 1000 classes. A convolution of 7 × 7, eight blocks of two
convolutions of 3 × 3 in four stages, which halve the image and double the channels, the mean over the image, and one
dense layer.

What goes in are signals, as with every network here. The image is made inside, on the network's device, so a checkpoint
holds all that it takes to answer for an ECG, and windows and shifts of the signal come before it.
Published weights learnt from images whose values have a mean near 0 and a spread near 1: an image should have them too.
"""

__all__ = ["ResNet18"]

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven import registry
from einthoven.layers.temporal import flat
from einthoven.models import Network, Shape

_BLOCKS = 2
_IMAGE = {"name": "spectrogram", "window_s": 0.2, "band_hz": (0.5, 40.0), "size": (64, 64), "standardised": True}


def _conv(channels: int, out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


class _Block(nn.Module):
    """Convolve, normalise, twice; what came in is added, narrowed by a convolution of 1 × 1 where the shape changes."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(channels, out, 3, stride), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = _conv(out, out, 3), nn.BatchNorm2d(out)
        changes = stride > 1 or channels != out
        self.downsample = nn.Sequential(_conv(channels, out, 1, stride), nn.BatchNorm2d(out)) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


def _stage(channels: int, out: int, stride: int) -> nn.Sequential:
    rest = (_Block(out, out, 1) for _ in range(_BLOCKS - 1))
    return nn.Sequential(_Block(channels, out, stride), *rest)


class ResNet18(Network):
    """The network.

    Arguments:
        shape: The form of input and output.
        image: How signals become images: a function of signals `batch lead time` and their rate in Hz that gives
            `batch channel height width`, or, so that it fits into a study and a checkpoint, the `name` of such a
            function among the signals with its other arguments. By default the log power up to 40 Hz, 64 × 64, one
            channel a lead, each image with a mean of 0 and a spread of 1.
        width: Channels of the first stage; 64 in the paper, and in published weights.

    Raises:
        UnknownName: If there is no such function.
        ValueError: If it makes no images.
    """

    any_length: ClassVar[bool] = True

    def __init__(
        self,
        shape: Shape,
        *,
        image: Callable[[Tensor, float], Tensor] | Mapping[str, Any] | None = None,
        width: int = 64,
    ) -> None:
        super().__init__(shape)
        self.image = _image(image or _IMAGE)
        channels = self._channels()
        self.conv1, self.bn1 = _conv(channels, width, 7, 2), nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, 1)
        self.layer2 = _stage(width, 2 * width, 2)
        self.layer3 = _stage(2 * width, 4 * width, 2)
        self.layer4 = _stage(4 * width, 8 * width, 2)
        self.width = 8 * width
        self.reset_head(shape.classes)

    @property
    def head(self) -> nn.Module:  # type: ignore[override]
        """The dense layer, which torchvision calls `fc`."""
        return self.fc

    def reset_head(self, classes: int) -> None:
        """Replaces the dense layer by an untrained one for `classes` classes."""
        self.fc = nn.Linear(self.width + self.beside_width, classes)

    def trunk(self, x: Tensor) -> Tensor:
        """From signals in either layout to the mean over the image of what the last stage makes of it."""
        return self.look(self.image(flat(x), self.shape.rate_hz))

    def look(self, image: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch feature"]:
        """From images to features."""
        x = image.contiguous(memory_format=torch.channels_last) if self.fast else image
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean(dim=(2, 3))

    def _channels(self) -> int:
        """How many channels the images have, asked of the image of a flat line."""
        shape = self.shape
        tried = self.image(torch.zeros(1, shape.leads, shape.samples), shape.rate_hz)
        if tried.ndim != 4 or len(tried) != 1:
            raise ValueError(
                f"an image has the axes batch channel height width, but signals 1 × {shape.leads} × {shape.samples} "
                f"became {' × '.join(map(str, tried.shape))}; choose another image for the network"
            )
        return tried.shape[1]


def _image(wanted: Callable[[Tensor, float], Tensor] | Mapping[str, Any]) -> Callable[[Tensor, float], Tensor]:
    """A function; where it is named, the one of that name, with its arguments as JSON may have left them."""
    if callable(wanted):
        return wanted
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in wanted.items()}
    return partial(registry.get("signals", str(options.pop("name"))), **options)
