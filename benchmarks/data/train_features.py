"""Train the small classifiers whose features the Frechet distance and its relatives use.

    python -m benchmarks.data.train_features --data mnist      # 3 minutes

Writes gvae/metrics/weights/DATA.safetensors and a row of results/features.json. Trains on the
training split; validation and test accuracy are reported, never used.
"""

from __future__ import annotations

import time

import torch
from safetensors.torch import save
from torch import Tensor, nn

from benchmarks.rows import about, show
from benchmarks.script import parser, typed
from gvae.data import open_data
from gvae.metrics.features import CLASSIFIERS, WEIGHTS, Classifier, extractor

EPOCHS = {"digits": 60, "mnist": 6, "fashion-mnist": 8}


def main() -> None:
    """Train one classifier, or all of them, and record how good they are."""
    options = parser(__doc__)
    options.add_argument("--data", choices=sorted(CLASSIFIERS), nargs="*", default=sorted(CLASSIFIERS))
    options.add_argument("--seed", type=int, default=0)
    o = options.parse_args()
    for data in o.data:
        record(data, o.seed, train(data, o.seed), o.note)


def train(data: str, seed: int, batch: int = 128, lr: float = 2e-3) -> dict[str, float]:
    """Train on the training split and save the weights; returns accuracy in percent, and seconds."""
    torch.manual_seed(seed)
    start = time.perf_counter()
    dataset = open_data(data)
    x, y = images(dataset, "train")
    net = Classifier(CLASSIFIERS[data]).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=1e-2)
    steps = EPOCHS[data] * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=0.1)
    for _ in range(EPOCHS[data]):
        for chosen in torch.randperm(len(x)).split(batch)[: len(x) // batch]:
            loss = nn.functional.cross_entropy(net(x[chosen])[1], y[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    WEIGHTS.mkdir(exist_ok=True)
    weights = {name: weight.contiguous() for name, weight in net.state_dict().items()}
    (WEIGHTS / f"{data}.safetensors").write_bytes(save(weights))
    accuracy = {split: percent(net.eval(), *images(dataset, split)) for split in ("val", "test")}
    return accuracy | {"seconds": round(time.perf_counter() - start, 1)}


def images(dataset, split: str) -> tuple[Tensor, Tensor]:
    """All images (N, C, H, W) in [-1, 1] and labels (N,) of a split."""
    x, y = dataset.batch(dataset.split(split))
    return x, y


@torch.inference_mode()
def percent(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Accuracy in percent."""
    right = sum(int((net(a)[1].argmax(1) == b).sum()) for a, b in zip(x.split(500), y.split(500), strict=True))
    return round(100 * right / len(x), 2)


def record(data: str, seed: int, result: dict[str, float], note: str) -> None:
    """Replace this data set's row in results/features.json."""
    extractor.cache_clear()
    row = about(typed("data.train_features", data=data, seed=seed), note=note) | {
        "seed": seed,
        "epochs": EPOCHS[data],
        "accuracy_val": result["val"],
        "accuracy_test": result["test"],
        "parameters": sum(p.numel() for p in Classifier(CLASSIFIERS[data]).parameters()),
        "sha256": extractor(data, CLASSIFIERS[data]).protocol["features_sha256"],
        "seconds": result["seconds"],
        "threads": torch.get_num_threads(),
    }
    show("features", data, row, dry=False)


if __name__ == "__main__":
    main()
