"""Which scans an order for a cascade names: the channel of the earlier mask may be left out."""

import pytest

from imaging.errors import ScanModelMismatch
from models.card_parts import Channel
from service.use_cases.job_orders import JobOrder, _by_channel
from tests.support.cards import card

CASCADE = card("fine", 3, "ct").model_copy(
    update={
        "channels": (
            Channel(name="ct"),
            Channel(name="coarse", label_values=(1,), made_by="coarse-model"),
        )
    }
)


def order(**facts: object) -> JobOrder:
    return JobOrder(model="fine", **facts)  # type: ignore[arg-type]


def test_the_mask_may_be_left_out_or_supplied() -> None:
    assert _by_channel(order(scan="a"), CASCADE)[0] == {"ct": "a"}
    assert _by_channel(order(scans={"ct": "a"}), CASCADE)[0] == {"ct": "a"}
    both = _by_channel(order(scans={"coarse": "b", "ct": "a"}), CASCADE)[0]
    assert list(both.items()) == [("ct", "a"), ("coarse", "b")]


@pytest.mark.parametrize("scans", [{"coarse": "b"}, {"ct": "a", "other": "b"}])
def test_other_channels_are_refused(scans: dict[str, str]) -> None:
    with pytest.raises(ScanModelMismatch, match="1 scan"):
        _by_channel(order(scans=scans), CASCADE)
