"""What a number from a run should carry with it: versions, hardware, facts about the data, date."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import sys
import time
from typing import Any

from gvae.data.dataset import Dataset
from gvae.data.identity import content, memberships
from gvae.models.base import Model
from gvae.version import __version__

PACKAGES = ("torch", "numpy", "accelerate", "safetensors", "scikit-learn", "pillow")
"""packages whose versions are written down"""


def about(dataset: Dataset, model: Model | None = None) -> dict[str, Any]:
    """What a number from this run should carry with it: versions, hardware, data facts, date."""
    content(dataset)  # notes a checksum where the source has none
    return {
        "command": shlex.join(["gvae", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "versions": {"gvae": __version__, **{name: version(name) for name in PACKAGES}},
        "processor": processor(),
        "data": json.loads(json.dumps(dataset.facts, default=str)),
        "splits": {name: len(indices) for name, indices in dataset.splits.items()},
        "memberships": memberships(dataset),
        "own_networks": {name: type(given).__name__ for name, given in (model.own if model else {}).items()},
    }


def version(package: str) -> str:
    """Installed version of a package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """Name of the GPU, or of the CPU with its number of cores in use."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="ignore") as file:
            name = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"
