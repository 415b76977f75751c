"""A recurrent layer that reads a sequence in both directions.

Hochreiter and Schmidhuber 1997, "Long short-term memory", Neural Computation 9:1735; in both directions after Schuster
and Paliwal 1997, IEEE Transactions on Signal Processing 45:2673.
"""

__all__ = ["BiLSTM"]

from jaxtyping import Float
from torch import Tensor, nn


class BiLSTM(nn.Module):
    """A long short-term memory in either direction, half of the channels each, added to what came in.

    Arguments:
        channels: Of the sequence, an even number.

    Raises:
        ValueError: If it is odd.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"two directions share the channels, of which {channels} is an odd number")
        self.norm = nn.LayerNorm(channels)
        self.lstm = nn.LSTM(channels, channels // 2, batch_first=True, bidirectional=True)

    def forward(self, x: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch channel step"]:
        """The sequence after both directions."""
        found: Tensor = self.lstm(self.norm(x.transpose(1, 2)))[0]
        return x + found.transpose(1, 2)
