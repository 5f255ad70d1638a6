r"""Recurrent networks that look at an image and paint one in several glimpses, with a differentiable window.

DRAW: A Recurrent Neural Network For Image Generation (Gregor et al., 2015) https://arxiv.org/abs/1502.04623

The window is a grid of N x N Gaussian filters, placed by five numbers W(h) (Eq. 19-26), with i = 1 ... N, a = 1 ... size:

    g_x, g_y, log variance, log stride, log gamma = W(h)
    centre = (size + 1) / 2 (g + 1)                            size: width for g_x, height for g_y
    step   = (max(height, width) - 1) / (N - 1) stride
    F[i, a] = exp(-(a - mu_i)^2 / (2 variance)) / sum_a ...    mu_i = centre + (i - N / 2 - 1/2) step

    read(x)  = gamma F_y x F_x'                                patches (B, C, N, N), Eq. 27
    write(w) = F_y' w F_x / gamma                              images (B, C, height, width), Eq. 29

With zeros in place of W(h) the filters are spread over the whole image; see `placing` for where they start.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gvae.nets.small import one_hot_labels
from gvae.nets.wrappers import at_least_float32, checked
from gvae.types import DataSpec

LIMIT = 8.0
"""largest size of the logarithms that place a window: beyond it float32 filters are one pixel or flat anyway"""


class State(NamedTuple):
    """What an LSTM remembers of each image: its output h and its memory c, both (B, hidden)."""

    h: Tensor
    c: Tensor


class LSTM(nn.Module):
    """One layer of long short-term memory with a learned first state; its sums stay in float32 under autocast.

    Args:
        inputs: length of one step's input.
        hidden: length of output and memory.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Linear(inputs + hidden, 4 * hidden)
        self.first = nn.Parameter(torch.zeros(2, hidden))
        nn.init.zeros_(self.gates.bias)
        nn.init.ones_(self.gates.bias[hidden : 2 * hidden])  # the forget gate starts open: the canvas is far away

    def start(self, images: int) -> State:
        """The state before the first step, for a batch of that size."""
        h, c = self.first.unsqueeze(1).expand(2, images, -1)
        return State(h, c)

    def forward(self, v: Tensor, state: State) -> State:
        gates = self.gates(torch.cat([v, state.h], 1))
        write, keep, new, output = at_least_float32(gates).chunk(4, 1)
        c = keep.sigmoid() * state.c + write.sigmoid() * new.tanh()
        return State(output.sigmoid() * c.tanh(), c)


def filterbank(centre: Tensor, step: Tensor, variance: Tensor, n: int, size: int) -> Tensor:
    """N Gaussian filters over the pixels 1 ... size of one axis, (B, N, size); every row sums to 1.

    The softmax gives the row of a filter that lies outside the image to the nearest pixel, where a quotient is 0 / 0.

    Args:
        centre: middle of the grid in pixels, (B,).
        step: pixels from one filter to the next, (B,).
        variance: of each filter, in square pixels, (B,).
        n: number of filters, N.
        size: length of the axis in pixels.
    """
    i = torch.arange(n, device=centre.device) - (n - 1) / 2
    a = torch.arange(1, size + 1, device=centre.device)
    mu = centre[:, None] + i * step[:, None]
    return (-(a - mu[..., None]).square() / (2 * variance[:, None, None])).softmax(-1)


class Window(NamedTuple):
    """Filters over rows (B, 1, N, height) and columns (B, 1, N, width), and the contrast gamma (B, 1, 1, 1)."""

    rows: Tensor
    columns: Tensor
    gamma: Tensor


def window(parameters: Tensor, n: int, shape: tuple[int, ...]) -> Window:
    """The window that five numbers per image place, (B, 5)."""
    height, width = shape
    g_x, g_y, *logarithms = at_least_float32(parameters).unbind(1)
    variance, stride, gamma = (v.clamp(-LIMIT, LIMIT).exp() for v in logarithms)
    step = (max(shape) - 1) / max(n - 1, 1) * stride
    rows = filterbank((height + 1) / 2 * (g_y + 1), step, variance, n, height)
    columns = filterbank((width + 1) / 2 * (g_x + 1), step, variance, n, width)
    return Window(rows[:, None], columns[:, None], gamma[:, None, None, None])


def placing(hidden: int, n: int, shape: tuple[int, ...], paints: bool = False) -> nn.Linear:
    """W(h), whose window covers the middle half of the image at first, with filters half a step wide.

    With zeros, filters a pixel wide look at the corners of a digit, where nothing is to be seen. gamma makes up for the
    area that a filter of width s stochastic a stroke over, 2 pi s^2: else a brush is too faint to learn from.
    """
    layer, stride = nn.Linear(hidden, 5), 0.5
    width = max(1.0, stride * (max(shape) - 1) / max(n - 1, 1) / 2)
    gamma = -math.log(2 * math.pi * width**2) if paints else 0.0
    with torch.no_grad():
        layer.weight.mul_(0.1)
        layer.bias.copy_(torch.tensor([0.0, 0.0, 2 * math.log(width), math.log(stride), gamma]))
    return layer


class ReadPatch(nn.Module):
    """(images (B, C, *S), h) to a patch of N x N pixels where h looks, (B, C N N); one window for all channels."""

    def __init__(self, shape: tuple[int, ...], hidden: int, n: int) -> None:
        super().__init__()
        self.shape, self.n = shape, n
        self.where = placing(hidden, n, shape)

    def forward(self, images: Tensor, h: Tensor) -> Tensor:
        rows, columns, gamma = window(self.where(h), self.n, self.shape)
        with torch.autocast(images.device.type, enabled=False):  # a patch is small, its digits are dear
            return (gamma * (rows @ images @ columns.mT)).flatten(1)


class ReadImage(nn.Module):
    """(images (B, C, *S), h) to all pixels (B, D), wherever h looks."""

    def forward(self, images: Tensor, h: Tensor) -> Tensor:
        return images.flatten(1)


class WritePatch(nn.Module):
    """h to an image (B, C, *S) that is empty but for a patch of N x N pixels, placed by h."""

    def __init__(self, channels: int, shape: tuple[int, ...], hidden: int, n: int) -> None:
        super().__init__()
        self.shape, self.n = shape, n
        self.where = placing(hidden, n, shape, paints=True)
        self.what = nn.Linear(hidden, channels * n * n)

    def forward(self, h: Tensor) -> Tensor:
        rows, columns, gamma = window(self.where(h), self.n, self.shape)
        patch = at_least_float32(self.what(h)).unflatten(1, (-1, self.n, self.n))
        with torch.autocast(h.device.type, enabled=False):
            return rows.mT @ patch @ columns / gamma


class WriteImage(nn.Module):
    """h to a whole image or volume (B, C, *S)."""

    def __init__(self, channels: int, shape: tuple[int, ...], hidden: int) -> None:
        super().__init__()
        self.shape = (channels, *shape)
        self.what = nn.Linear(hidden, torch.Size(self.shape).numel())

    def forward(self, h: Tensor) -> Tensor:
        return at_least_float32(self.what(h)).unflatten(1, self.shape)


def labelled(v: Tensor, y: Tensor | None, condition: int) -> Tensor:
    """An LSTM's input with the class appended as a one-hot vector, if the network is conditional."""
    return torch.cat([v, one_hot_labels(y, condition, v)], 1) if condition else v


class Encoder(nn.Module):
    """One glimpse of (x, error) and the generator's state to what q(z_t|x, z_<t) is made of, (B, outputs).

    Args:
        spec: the data; images of another shape raise a `GvaeError`.
        hidden: length of the LSTM's state, and of the generator's.
        outputs: size of the result.
        read: side of the patch in pixels; 0: whole images.
        condition: number of classes, 0 for none.
    """

    def __init__(self, spec: DataSpec, hidden: int, outputs: int, read: int, condition: int = 0) -> None:
        super().__init__()
        self.shape, self.condition = (spec.channels, *spec.shape), condition
        self.read = ReadPatch(spec.shape, hidden, read) if read else ReadImage()
        seen = 2 * spec.channels * read**2 if read else 2 * spec.dim
        self.lstm = LSTM(seen + hidden + condition, hidden)
        self.head = nn.Linear(hidden, outputs)

    def start(self, images: int) -> State:
        """The state before the first glimpse."""
        return self.lstm.start(images)

    def forward(self, x: Tensor, error: Tensor, y: Tensor | None, h_dec: Tensor, state: State) -> tuple[Tensor, State]:
        r = self.read(torch.cat([checked(x, self.shape), error], 1), h_dec)
        state = self.lstm(labelled(torch.cat([r, h_dec], 1), y, self.condition), state)
        return at_least_float32(self.head(state.h)), state


class Generator(nn.Module):
    """Codes of any number of glimpses (B, T Z) to the canvas (B, C, *S), unbounded, that they add up to.

    Args:
        spec: the data.
        hidden: length of the LSTM's state.
        latent: length of one glimpse's code, Z.
        write: side of the patch in pixels; 0: whole images.
        condition: number of classes, 0 for none.
    """

    def __init__(self, spec: DataSpec, hidden: int, latent: int, write: int, condition: int = 0) -> None:
        super().__init__()
        self.latent, self.condition = latent, condition
        self.lstm = LSTM(latent + condition, hidden)
        place = (spec.channels, spec.shape, hidden)
        self.write = WritePatch(*place, write) if write else WriteImage(*place)
        self.canvas = nn.Parameter(torch.zeros(spec.channels, *spec.shape))

    def start(self, images: int) -> tuple[State, Tensor]:
        """State and canvas before the first glimpse."""
        return self.lstm.start(images), self.canvas.expand(images, *self.canvas.shape)

    def step(self, z: Tensor, y: Tensor | None, state: State, canvas: Tensor) -> tuple[State, Tensor]:
        """State and canvas after one glimpse with code z (B, Z)."""
        state = self.lstm(labelled(z, y, self.condition), state)
        return state, canvas + self.write(state.h)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        state, canvas = self.start(len(z))
        for z_t in z.unflatten(1, (-1, self.latent)).unbind(1):
            state, canvas = self.step(z_t, y, state, canvas)
        return canvas
