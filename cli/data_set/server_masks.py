"""Judged masks of a server, for `tessera dataset export --server`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tessera_client
from cli.client import api_client, translated_errors
from imaging.box import Box
from imaging.formats.atomic import raising_storage_full
from imaging.formats.label_map import from_upright
from imaging.formats.limits import UNLIMITED
from imaging.formats.sniff import open_scan
from imaging.given_mask import GIVEN_MASK
from imaging.scan import Scan
from models.any_card import AnyCard, parse_card
from models.data_set.judged_case import JudgedCase, JudgedScan, Verdict

_APPROVED: dict[str, Verdict] = {"accepted": "accepted", "corrected": "corrected"}


class ServerMasks:
    """The accepted and corrected masks of the project that the server gives the caller."""

    def __init__(self, api: tessera_client.Client, models: Sequence[str], scratch: Path) -> None:
        self._api, self._models, self._scratch = api, models, scratch
        self._scans: dict[str, tessera_client.Scan] = {}

    def cases(self) -> Iterator[JudgedCase]:
        """Implements `JudgedMasks.cases`; raises BadRequest and ServerUnavailable."""
        with translated_errors():
            for model in self._models:
                for job in self._api.jobs(model=model, state="succeeded"):
                    if job.verdict in _APPROVED and (case := self._case(job)) is not None:
                        yield case

    def _case(self, job: tessera_client.Job) -> JudgedCase | None:
        """None: the verdict was withdrawn meanwhile."""
        decisive = job.review
        if job.second_reading is not None:
            decisive = self._api.second_reading(job.id).review
        review = next((one for one in self._api.reviews(job.id) if one.id == decisive), None)
        if review is None or review.verdict not in _APPROVED:
            return None
        verdict = _APPROVED[review.verdict]
        model = self._api.report(job.id).get("model") or {}
        return JudgedCase(
            job=job.id,
            review=review.id,
            verdict=verdict,
            judged_at=review.created_at.timestamp(),
            model=job.model,
            model_version=job.model_version,
            model_sha256=str(model.get("sha256", "")),
            scans={
                channel: self._scan(scan)
                for channel, scan in job.scans.items()
                if job.options.mask is None or channel != GIVEN_MASK
            },
            cropped=job.options.mask == "crop",
            has_mask=(review.mask_format if verdict == "corrected" else job.mask_format)
            is not None,
        )

    def _scan(self, scan_id: str) -> JudgedScan:
        scan = self._stored(scan_id)
        return JudgedScan(scan.id, scan.name, scan.sha256, scan.series, scan.subject or "")

    def _stored(self, scan_id: str) -> tessera_client.Scan:
        if scan_id not in self._scans:
            self._scans[scan_id] = self._api.scan(scan_id)
        return self._scans[scan_id]

    @contextmanager
    def opened(self, case: JudgedCase) -> Iterator[tuple[Mapping[str, Scan], Scan]]:
        """Implements `JudgedMasks.opened`; files are downloaded, and deleted at the end."""
        with TemporaryDirectory(prefix="tessera-dataset-", dir=self._scratch) as temporary:
            folder = Path(temporary)
            with translated_errors(), raising_storage_full():
                scans = {
                    channel: self._download(scan.id, folder / f"scan-{number}.nii.gz")
                    for number, (channel, scan) in enumerate(case.scans.items())
                }
                mask = folder / "mask.nii.gz"
                if case.verdict == "corrected":
                    self._api.download_corrected_mask(
                        case.job, case.review, mask, mask_format="nifti"
                    )
                else:
                    self._api.download_mask(case.job, mask, mask_format="nifti")
            yield scans, open_scan(mask, UNLIMITED, self._scratch)

    def _download(self, scan_id: str, path: Path) -> Scan:
        stored = self._stored(scan_id)
        volume = open_scan(self._api.download_scan(scan_id, path), UNLIMITED, self._scratch)
        return volume if stored.dimension == 3 else _image(volume, stored.spacing_mm)


def _image(volume: Scan, spacing_mm: tuple[float, ...] | None) -> Scan:
    """The image (c, row, column) that the server sends as an upright slice."""
    columns, rows, _ = volume.grid

    def read(box: Box) -> NDArray[Any]:
        (top, left), (bottom, right) = box.start, box.stop
        stored = volume.read(Box((left, rows - bottom, 0), (right, rows - top, 1)))
        return np.stack([from_upright(component) for component in stored])

    return replace(
        volume,
        shape=(volume.shape[0], rows, columns),
        affine=np.eye(4),
        spacing_mm=spacing_mm,
        reader=read,
        stored_shape=(rows, columns),
    )


def server_cards(url: str, model: str) -> tuple[AnyCard, list[AnyCard]]:
    """The card of a model on the server at `url`, and those of all; raises BadRequest."""
    with translated_errors(), api_client(url) as api:
        return parse_card(api.model(model).card), [parse_card(one.card) for one in api.models()]


@contextmanager
def server_masks(url: str, models: Sequence[str], scratch: Path) -> Iterator[ServerMasks]:
    """The masks on the server at `url`; raises BadRequest for another address."""
    with translated_errors():
        api = api_client(url, retries=tessera_client.Retries(total_s=30.0))
    try:
        yield ServerMasks(api, models, scratch)
    finally:
        api.close()
