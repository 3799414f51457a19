"""A network on other axes than RAS+: the same mask as when the scan is turned by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from imaging.box import Box
from imaging.scan import Scan, in_memory
from inference.device import Device
from inference.networks.session import Session
from inference.pipeline import segment
from inference.planner import Budget
from inference.sample_scans import sample_scans
from models.card_parts import Sample
from models.nets.config import UNetConfig
from models.registry import Model
from tests.support.scans import noise

CONFIG = UNetConfig.of_widths((4, 6), dimension=3, out_channels=3, padding="same", batch_norm=True)
FLAT = UNetConfig.of_widths((4, 6), dimension=2, out_channels=3, padding="same", batch_norm=True)


def mask_of(scans: dict[str, Scan], model: Model) -> np.ndarray:
    session = Session(model.verified, Device("cpu", "fp32"))
    return segment(scans, model.card, session, Budget(1 << 40)).mask


@pytest.mark.parametrize(
    ("code", "order", "flipped"),
    [
        ("SPL", (2, 1, 0), (False, True, True)),
        ("ASL", (1, 2, 0), (False, False, True)),
        ("kji", (1, 0, 2), (False, True, False)),
    ],
)
def test_the_mask_is_that_of_a_scan_turned_by_hand(
    make_model: Callable[..., Model], code: str, order: tuple[int, ...], flipped: tuple[bool, ...]
) -> None:
    """The scan is stored along anterior, left, inferior: the axes x, y and z are j, -i and -k.

    `order` and `flipped` turn its canonical array, in which `kji` are z, x, -y.
    """
    spacing = (1.0, 1.5, 2.0)
    plain = noise((1, 18, 14, 12), (1.5, 2.0, 1.0))
    affine = np.array([[0, -2.0, 0, 5], [1.5, 0, 0, -8], [0, 0, -1.0, 2], [0, 0, 0, 1]])
    scan = replace(plain, affine=affine)
    values = plain.read(Box.whole(plain.grid))[0]
    ras = np.transpose(values, (1, 0, 2))[::-1, :, ::-1]
    if code == "kji":
        turned, back = values.transpose(2, 1, 0), [1.0, 2.0, 1.5]
    else:
        turned = ras.transpose(order)[tuple(slice(None, None, -1 if f else 1) for f in flipped)]
        back = [(2.0, 1.5, 1.0)[axis] for axis in order]
    usual = make_model("usual-axes", CONFIG, spacing_mm=spacing)
    other = make_model(f"axes-{code.lower()}", CONFIG, spacing_mm=spacing, orientation=code)
    expected = mask_of({"image": in_memory(np.ascontiguousarray(turned)[None], tuple(back))}, usual)
    mask = mask_of({"image": scan}, other)
    assert len(np.unique(expected)) > 1
    if code == "kji":
        assert np.array_equal(mask.transpose(2, 1, 0), expected)
    else:
        ours = np.transpose(mask, (1, 0, 2))[::-1, :, ::-1].transpose(order)
        ours = ours[tuple(slice(None, None, -1 if f else 1) for f in flipped)]
        assert np.array_equal(ours, expected)
    assert not np.array_equal(mask, mask_of({"image": scan}, usual))


def test_an_images_columns_may_come_first(make_model: Callable[..., Model]) -> None:
    facts = {
        "channels": [{"name": "image"}, {"name": "coarse", "label_values": [1]}],
        "outputs": [0, 1, 2],
    }
    config = replace(FLAT, in_channels=2)
    usual = make_model("rows-first", config, **facts)
    other = make_model("columns-first", config, orientation="ji", **facts)
    image = np.random.default_rng(0).normal(size=(1, 20, 28)).astype(np.float32)
    label = (np.random.default_rng(1).random((1, 20, 28)) < 0.4).astype(np.uint8)
    turned = {
        "image": in_memory(image.transpose(0, 2, 1)),
        "coarse": in_memory(label.transpose(0, 2, 1)),
    }
    expected = mask_of(turned, usual)
    assert len(np.unique(expected)) > 1
    assert np.array_equal(
        mask_of({"image": in_memory(image), "coarse": in_memory(label)}, other).T, expected
    )


def test_a_sample_of_noise_has_the_networks_spacing_when_turned(
    make_model: Callable[..., Model],
) -> None:
    model = make_model("usual-axes", CONFIG, spacing_mm=(1.0, 1.5, 2.0))
    sample = Sample(kind="noise", shape=(16, 16, 16))
    card = model.card.model_copy(update={"orientation": "ASL", "sample": sample})
    scan = sample_scans(Model(card, model.folder))["image"]
    assert scan.spacing_mm == (2.0, 1.0, 1.5)
