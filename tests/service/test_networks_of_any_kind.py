"""Networks that are not shipped, through gateway and worker, against torch alone.

One looks at two contrasts of a subject, one gives regions that overlap, one looks at whole tiles.
"""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.nets.config import UNetConfig
from models.nets.unet import UNet
from tests.support.gateway import Gateway, start
from tests.support.networks import exported, random_network
from tests.support.processes import start_worker, stop

SHAPE = (40, 48, 36)
CONTRASTS = UNetConfig.of_widths(
    (4, 8),
    dimension=3,
    in_channels=2,
    out_channels=3,
    padding="same",
    block="residual",
    skip="add",
    upsampling="interpolation",
)
REGIONS = UNetConfig.of_widths(
    (4, 4, 8), 1, dimension=3, out_channels=3, padding="same", block="dense", skip="nested"
)
WHOLE = UNetConfig.of_widths(
    (4, 8), dimension=3, out_channels=3, padding="same", bottleneck="pyramid", squeeze_excite=True
)
LABELS = [{"value": n, "name": f"l{n}", "color": "#ff0000"} for n in (1, 2, 3)]
FACTS: dict[str, dict[str, Any]] = {
    "contrasts": {"channels": [{"name": "t1"}, {"name": "flair"}]},
    "regions": {"activation": "sigmoid", "outputs": [3, 1, 2], "labels": LABELS},
    "whole": {},
}
CONFIGS = {"contrasts": CONTRASTS, "regions": REGIONS, "whole": WHOLE}


def contrasts() -> NDArray[np.float32]:
    """(2, *SHAPE): two scans of one subject, smooth enough that every label has its place."""
    coarse = np.random.default_rng(5).normal(100, 30, (2, 10, 12, 9))
    return coarse.repeat(4, 1).repeat(4, 2).repeat(4, 3).astype(np.float32)


def normalised(channels: int) -> torch.Tensor:
    """z-scored by numpy, as the card asks: (1, channels, *SHAPE)."""
    scans = contrasts()[:channels].astype(np.float64)
    means, spreads = (f(scans, axis=(1, 2, 3), keepdims=True) for f in (np.mean, np.std))
    return torch.from_numpy(((scans - means) / spreads).astype(np.float32))[None]


def centred(name: str) -> UNet:
    """Random weights, its last biases such that every output wins somewhere."""
    network = random_network(CONFIGS[name], seed=3)
    with torch.no_grad():
        logits = network(normalised(CONFIGS[name].in_channels))
        network.get_submodule("head").bias -= logits.mean((0, 2, 3, 4))
    return network


@pytest.fixture(scope="module")
def networks() -> dict[str, UNet]:
    return {name: centred(name) for name in CONFIGS}


@pytest.fixture(scope="module")
def served(
    networks: dict[str, UNet], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway and a worker, each a process, with these three models."""
    folder = tmp_path_factory.mktemp("served")
    for name, network in networks.items():
        exported(network, CONFIGS[name], name, folder / "models", **FACTS[name])
    gateway = start(folder / "data", models=str(folder / "models"))
    worker = start_worker(gateway.data, folder / "worker.log", models=str(folder / "models"))
    yield gateway
    stop(worker)
    gateway.stop()


def mask_and_report(
    served: Gateway, model: str, tile: int | None
) -> tuple[NDArray[np.integer], dict[str, dict[str, Any]]]:
    channels = [channel["name"] for channel in FACTS[model].get("channels", [{"name": "image"}])]
    scans = {
        channel: served.scan(nibabel.Nifti1Image(values, np.diag([1.0, 1.2, 1.5, 1])).to_bytes())
        for channel, values in zip(channels, contrasts(), strict=False)
    }
    asked = {"scans": scans} if len(scans) > 1 else {"scan": scans["image"]}
    options = {} if tile is None else {"tile": [tile]}
    job = str(served.job(model=model, options=options, **asked)["id"])
    with served.client.stream("GET", f"/v1/jobs/{job}/events", timeout=120) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines()]
    last = json.loads([line for line in lines if line.startswith("{")][-1])
    assert last["state"] == "succeeded", last
    content = gzip.decompress(served.client.get(f"/v1/jobs/{job}/mask").content)
    mask = np.asarray(nibabel.Nifti1Image.from_bytes(content).dataobj)
    return mask, served.client.get(f"/v1/jobs/{job}/report").json()


def expected(network: UNet, model: str) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
    """The mask that torch's logits paint, and where they lie too near each other to tell."""
    with torch.inference_mode():
        logits = network(normalised(network.config.in_channels))[0].numpy()
    close = 1e-4 * np.ptp(logits)
    if model == "regions":
        mask = np.zeros(SHAPE, int)
        for values, label in zip(logits, FACTS[model]["outputs"], strict=True):
            mask = np.where(values > 0, label, mask)
        return mask, (np.abs(logits) < close).any(0)
    best = np.sort(logits, axis=0)
    return logits.argmax(0), best[-1] - best[-2] < close


@pytest.mark.parametrize("model", CONFIGS)
@pytest.mark.parametrize("tile", [None, 40])
def test_the_mask_is_torchs(
    served: Gateway, networks: dict[str, UNet], model: str, tile: int | None
) -> None:
    mask, report = mask_and_report(served, model, tile)
    paint, tied = expected(networks[model], model)
    assert tied.mean() < 0.01
    values = {0, 1, 2, 3} if model == "regions" else {0, 1, 2}
    assert set(np.unique(paint)) == values
    np.testing.assert_array_equal(mask[~tied], paint[~tied])
    many = tile is not None and model != "whole"
    assert (report["tiling"]["tiles"] > 1) == many
