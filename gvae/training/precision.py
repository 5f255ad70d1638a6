"""Which number format to train in, from what the processor has."""

from __future__ import annotations

import torch


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware; emulated bf16 is 20 times slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    try:
        flags = open("/proc/cpuinfo", encoding="ascii", errors="ignore").read()  # noqa: SIM115
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def choose_precision(wanted: str, device: torch.device) -> tuple[str, str]:
    """Accelerate's name of the precision, and a sentence that says why.

    >>> choose_precision("fp32", torch.device("cpu"))
    ('no', 'fp32, as asked')
    """
    if wanted == "fp32":
        return "no", "fp32, as asked"
    if wanted == "bf16":
        return "bf16", "bf16, as asked"
    if has_bf16(device):
        return "bf16", "bf16: this processor multiplies it in hardware"
    return "no", "fp32: this processor has no bf16 instructions"
