"""What comes next is told from what does not.

Contrastive predictive coding (van den Oord, Li and Vinyals 2018, https://arxiv.org/abs/1807.03748), which Mehari and
Strodthoff 2022, https://doi.org/10.1016/j.compbiomed.2021.105114, carried to the 12-lead ECG: from a signal up to some
moment an encoder predicts short pieces of what follows, not as samples but so that each can be picked out among the
pieces of other moments and of other people. What can be predicted and told apart is kept, noise is not.

An encoder of this house hears both ways, so the future is hidden from it as a gap: what it makes of a hidden piece of
time is its prediction. A piece is known by a small network that sees it alone. Its length, the range of the moment,
and that all pieces of a batch stand against each other are our choice.
"""

__all__ = ["Predictive"]

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from einthoven.layers.temporal import Conv
from einthoven.models import Encoder
from einthoven.signals.recorded import recorded
from einthoven.transforms.drop_leads import DropLeads

_PIECE_S = 0.1
_NUMBERS = 64  # by which a piece is known
_MOST = 512  # pieces of a batch that stand against each other


@dataclasses.dataclass(frozen=True)
class Predictive:
    """The objective.

    Attributes:
        seen: The least and the most of a signal that is seen, as shares of its time.
        temperature: By which likeness is divided; a small one asks for sharp answers.
        subset: The share of signals of which only some leads are there.

    Raises:
        ValueError: If one of them cannot be.
    """

    seen: tuple[float, float] = (0.4, 0.8)
    temperature: float = 0.1
    subset: float = 0.0

    def __post_init__(self) -> None:
        DropLeads(self.subset)
        if not 0 < self.seen[0] <= self.seen[1] < 1:
            raise ValueError(f"the share that is seen lies between 0 and 1, from small to large, not {self.seen}")
        if not self.temperature > 0:
            raise ValueError(f"a temperature lies above 0, not at {self.temperature:g}")

    def network(self, encoder: Encoder) -> "_Predictor":
        """The encoder with a head that predicts pieces, and the network by which they are known.

        Raises:
            ValueError: If its steps are so long that pieces would not fit into what is hidden.
        """
        predictor, shape = _Predictor(encoder), encoder.shape
        window_s = min(shape.samples / shape.rate_hz, encoder.window_s or np.inf)
        hidden_s, piece_s = (1 - self.seen[1]) * window_s, predictor.length / shape.rate_hz
        if piece_s > hidden_s:
            what = f"a step of this encoder is {piece_s:.2g} s long, and often only {hidden_s:.2g} s are hidden"
            raise ValueError(f"{what}, so that nothing could be asked for; take another encoder or a higher rate")
        return predictor

    def draw(
        self, x: Float[np.ndarray, "batch lead time"], rate_hz: float, rng: np.random.Generator, progress: float = 1.0
    ) -> dict[str, np.ndarray]:
        """What is asked of some signals.

        Arguments:
            x: The signals; NaN is what is not known.
            rate_hz: Samples per second.
            rng: The source of chance.
            progress: The share of the training that is over.

        Returns:
            `x`, the signals with NaN after some moment; `signal`, whole, with NaN where nothing was recorded, as in
            padding; and `hidden`, what of their time is.
        """
        drop = DropLeads(self.subset)
        whole = drop.apply(x, drop.draw(x.shape[0], x.shape[1], rng))
        moment = np.round(rng.uniform(*self.seen, size=(len(x), 1)) * x.shape[-1])
        hidden = np.arange(x.shape[-1]) >= moment
        signal = np.where(recorded(whole), whole, np.float32(np.nan))
        return {"x": np.where(hidden[:, None], np.float32(np.nan), whole), "signal": signal, "hidden": hidden}

    def __call__(self, model: Callable[..., dict[str, Tensor]], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss, the predictions and what each is held against.

        Of the pieces that are hidden, and of which something was recorded, as many as there is room for, evenly chosen,
        stand against each other: the cross-entropy of picking one's own.

        Arguments:
            model: What `network` made.
            batch: What `draw` gave.
        """
        found = model(batch["x"], batch["signal"], batch["hidden"])
        place = torch.nonzero(found["asked"].flatten())[:, 0]
        place = place[torch.linspace(0, len(place) - 1, min(_MOST, len(place)), device=place.device).long()]
        likeness = self._likeness(found, place)
        own = torch.arange(len(place), device=place.device)
        loss = F.cross_entropy(likeness, own) if len(place) > 1 else likeness.sum() * 0
        picked = (likeness >= likeness.diagonal()[:, None]).sum(dim=1) == 1  # whoever says all alike picks nothing
        return {"loss": loss, "place": place, "picked": picked, **found}

    def _likeness(self, found: dict[str, Tensor], place: Tensor) -> Float[Tensor, "asked asked"]:
        told, known = (found[name].float().transpose(1, 2).flatten(0, 1)[place] for name in ("predicted", "piece"))
        return F.normalize(told, dim=1) @ F.normalize(known, dim=1).T / self.temperature

    def measure(self, found: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """For each signal the share of its hidden pieces that are `picked` out; NaN where none was asked for."""
        pieces = found["piece"].shape[-1]
        count, right = (torch.zeros(len(batch["x"]), device=found["place"].device) for _ in range(2))
        owner = found["place"] // pieces
        count.index_add_(0, owner, torch.ones_like(owner, dtype=count.dtype))
        right.index_add_(0, owner, found["picked"].to(right.dtype))
        return {"picked": torch.where(count > 0, right / count.clamp(min=1), torch.nan)}


class _Predictor(nn.Module):
    """An encoder that predicts pieces of time, and a network that knows one by itself.

    Arguments:
        encoder: The network; its own head is left aside.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        encoder.head = nn.Identity()
        self.steps = max(1, round(_PIECE_S * encoder.shape.rate_hz / encoder.stride))
        self.length = self.steps * encoder.stride
        self.predict = Conv(encoder.channels, _NUMBERS, 1)
        know = Conv(encoder.shape.leads, 2 * _NUMBERS, self.length, stride=self.length)
        self.know = nn.Sequential(know, nn.GELU(), Conv(2 * _NUMBERS, _NUMBERS, 1))

    def forward(
        self,
        x: Float[Tensor, "batch lead time"],
        signal: Float[Tensor, "batch lead time"],
        hidden: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """What is `predicted` of each piece, what the `piece` is, both `batch number piece`, and which are `asked` for.

        Asked for are those of which all is hidden and something was recorded.
        """
        first = self.encoder.offset(x.shape[-1])
        pieces = max(1, (first + x.shape[-1]) // self.length)
        ends = (first, pieces * self.length - first - x.shape[-1])  # what is added, or taken away where it is negative
        there = F.pad(~torch.isnan(signal).all(dim=1), ends).view(-1, pieces, self.length)
        asked = F.pad(hidden, ends).view(-1, pieces, self.length).all(dim=2) & there.any(dim=2)
        steps = self.encoder.steps(x)
        steps = F.pad(steps, (0, max(0, pieces * self.steps - steps.shape[-1])))[..., : pieces * self.steps]
        each = steps.reshape(*steps.shape[:2], pieces, self.steps).mean(dim=-1)
        known = self.know(F.pad(torch.nan_to_num(signal), ends))
        return {"predicted": self.predict(each), "piece": known, "asked": asked}
