"""Where and in which precision to compute, through Lightning Fabric."""

__all__ = ["Device"]

import dataclasses
import logging
from typing import Literal

import torch
from lightning_fabric import Fabric


@dataclasses.dataclass(frozen=True)
class Device:
    """What to compute on.

    Attributes:
        accelerator: `"cpu"`, `"cuda"` or `"mps"`; `"auto"` takes a GPU where there is one.
        precision: `"auto"` takes bf16 where the hardware multiplies it, else 32 bits; parameters stay in 32 bits.

    Raises:
        ValueError: If there is no such accelerator here.
    """

    accelerator: str = "auto"
    precision: Literal["auto", "bf16-mixed", "32-true"] = "auto"

    def __post_init__(self) -> None:
        there = {"auto": True, "cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not there.get(self.accelerator):
            usable = ", ".join(name for name, usable in there.items() if usable)
            raise ValueError(f"the accelerator '{self.accelerator}' is not to be had here; there is {usable}")

    @property
    def resolved(self) -> str:
        """The precision that `auto` comes to here."""
        if self.precision != "auto":
            return self.precision
        if self.accelerator != "cpu" and torch.cuda.is_available():
            return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
        return "bf16-mixed" if torch.cpu.get_capabilities().get("avx512_bf16") else "32-true"

    @property
    def fast_layout(self) -> bool:
        """Whether networks should compute in channels-last memory: with bf16 on a CPU or any GPU."""
        return self.resolved == "bf16-mixed"

    def fabric(self) -> Fabric:
        """The launcher of one process on one device."""
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces each precision otherwise
        return Fabric(accelerator=self.accelerator, devices=1, precision=self.resolved)  # type: ignore[arg-type]
