"""Convolution, normalisation and pooling over time that run in either of two layouts.

The parameters are those of the one-dimensional layers, so a state dict does not depend on the layout. A tensor
with the axes `batch channel time` takes the plain path. The same tensor as `batch channel 1 time` in channels-last
memory takes two-dimensional kernels, which CPUs with bf16 matrix instructions run several times faster than the
plain ones.
"""

__all__ = ["AvgPool", "BatchNorm", "Conv", "MaxPool", "coarser", "finer", "flat", "normed", "wide"]

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_CHANNELS, _BLOCK = 16, 32


def wide(x: Tensor) -> Tensor:
    """`batch channel time` as `batch channel 1 time` in channels-last memory."""
    return x.unsqueeze(2).contiguous(memory_format=torch.channels_last)


def flat(x: Tensor) -> Tensor:
    """Either layout as `batch channel time`."""
    return x.squeeze(2) if x.dim() == 4 else x


def finer(x: Tensor, times: int) -> Tensor:
    """`batch channel time` as so many times as many steps, each taking its own part of the channels."""
    batch, channels, steps = x.shape
    parts = x.view(batch, channels // times, times, steps)
    return parts.transpose(2, 3).reshape(batch, channels // times, steps * times)


def coarser(x: Tensor, times: int) -> Tensor:
    """What `finer` undoes: so many steps become the channels of one; their number is a multiple of it."""
    batch, channels, steps = x.shape
    parts = x.reshape(batch, channels, steps // times, times)
    return parts.transpose(2, 3).reshape(batch, channels * times, steps // times)


class Conv(nn.Conv1d):
    """A convolution over time; `padding="same"` as TensorFlow has it, with the odd sample on the right."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolves `batch channel time` or `batch channel 1 time`."""
        return self.convolve(x, self.weight, self.bias)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolves with other weights of the same shape."""
        if self.padding == "same":
            x, padding = self._padded(x)
        else:
            padding = int(self.padding[0])
        if _miscounts(x, weight):
            x, weight = (F.pad(t, (0, 0) * (t.dim() - 2) + (0, _CHANNELS - t.shape[1])) for t in (x, weight))
        if x.dim() == 3:
            return F.conv1d(x, weight, bias, self.stride, padding, self.dilation, self.groups)
        x = x.contiguous(memory_format=torch.channels_last)
        weight = weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        return F.conv2d(x, weight, bias, (1, *self.stride), (0, padding), (1, *self.dilation), self.groups)

    def _padded(self, x: Tensor) -> tuple[Tensor, int]:
        """The input padded as far as it is uneven, and the even padding that is left to the kernel."""
        stride, reach = self.stride[0], self.dilation[0] * (self.kernel_size[0] - 1)
        total = max(0, (-(-x.shape[-1] // stride) - 1) * stride + reach + 1 - x.shape[-1])
        if total % 2:
            x = F.pad(x, (0, 1))
        return x, total // 2


def _miscounts(x: Tensor, weight: Tensor) -> bool:
    """Whether this convolution comes out wrong in bf16, and more channels of zeros are needed to have it right.

    On CPUs with AMX the oneDNN of torch 2.13 adds up other numbers than those of the signal where there are fewer than
    16 channels and channels × kernel fills whole blocks of 32, as with twelve leads and the kernel of 16 of CODE.
    """
    channels, kernel = weight.shape[1], weight.shape[2]
    short = x.dtype == torch.bfloat16 or torch.is_autocast_enabled(x.device.type)
    return x.device.type == "cpu" and short and channels < _CHANNELS and channels * kernel % _BLOCK == 0


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation of either layout."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in (3, 4):
            raise ValueError(f"expected batch channel time or batch channel 1 time, got {tuple(input.shape)}")


def normed(conv: Conv, norm: BatchNorm, x: Tensor) -> Tensor:
    """A convolution without bias, normalised; in evaluation as one convolution, which is the same but faster."""
    if norm.training or norm.running_mean is None or norm.running_var is None:
        return norm(conv(x))
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return conv.convolve(x, conv.weight * scale[:, None, None], norm.bias - norm.running_mean * scale)


class MaxPool(nn.Module):
    """The maximum over windows of time.

    Arguments:
        size: Samples a window.
        stride: From window to window.
        padding: On both sides.
    """

    def __init__(self, size: int, stride: int, padding: int = 0) -> None:
        super().__init__()
        self.size, self.stride, self.padding = size, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """Pools either layout."""
        if x.dim() == 3:
            return F.max_pool1d(x, self.size, self.stride, self.padding)
        return F.max_pool2d(x, (1, self.size), (1, self.stride), (0, self.padding))


class AvgPool(nn.Module):
    """The mean over windows of `size` samples; an incomplete last window counts."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Pools either layout."""
        if x.dim() == 3:
            return F.avg_pool1d(x, self.size, ceil_mode=True, count_include_pad=False)
        return F.avg_pool2d(x, (1, self.size), ceil_mode=True, count_include_pad=False)
