"""Checks whether a network may run in less than fp32 on this machine.

bf16 and fp16 change logits in their third digit. What that does to the masks is measured twice:
at publication, against reference masks (the card's `accuracy`), and on each machine, on the card's
sample. The network runs in the lower precision if its accuracy did not change at publication,
and the sample's masks are as similar here as they were there. Without a record that applies, the
sample's masks must be nearly equal.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from imaging.counted import counted
from imaging.errors import JobLost, TesseraError
from imaging.scan import Scan
from inference.device import Device
from inference.kept_results import KeptResults, key_of
from inference.mask_similarity import Similarity, compare_masks
from inference.run_context import RunContext
from inference.sample_scans import sample_file_hashes, sample_scans, sample_sha256
from inference.waiting_locks import KeyedLocks
from models.accuracy import LARGEST_DIFFERENCE, Accuracy
from models.card import ModelCard
from models.registry import Model

log = logging.getLogger(__name__)

LEAST = 0.999
"""Without a record: least fraction of equal voxels, and least Dice of every label."""

SampleMask = Callable[[Device, Mapping[str, Scan]], NDArray[Any]]
"""Computes the mask of the sample's scans on a device."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a network may run in the lower precision."""

    passed: bool
    reason: str
    """Why, in one or two sentences."""


@dataclass(slots=True)
class PrecisionGate:
    """Verdicts by network and device."""

    kept: KeptResults = field(default_factory=KeptResults)
    _verdicts: dict[str, Verdict] = field(default_factory=dict)
    _locks: KeyedLocks = field(default_factory=KeyedLocks)

    def kept_verdict(self, model: Model, device: Device) -> Verdict | None:
        """The verdict of an earlier comparison on this machine; None where there is none."""
        key = _key(model, device)
        return self._verdicts.get(key) or self._read(key)

    def verdict(
        self,
        model: Model,
        device: Device,
        sample_mask: SampleMask,
        context: RunContext | None = None,
    ) -> Verdict:
        """Compares `device`, which computes in less than fp32, with fp32 on the same runtime.

        Networks are compared independently of each other. Raises JobLost once the run is cancelled.
        """
        key, context = _key(model, device), context or RunContext()
        with self._locks.holding(key, context):
            verdict = self.kept_verdict(model, device)
            if verdict is None:
                try:
                    scans = sample_scans(model)
                    context.on_preparing(True)  # not for a model without a sample
                    verdict = judge(_compare(scans, model, device, sample_mask), model.card)
                except JobLost:
                    raise
                except (TesseraError, ValueError, OSError, MemoryError) as error:
                    return Verdict(False, str(error))  # not kept: the next attempt may succeed
                log.debug("%s: %s", device, verdict)
                self.kept.write(key, asdict(verdict), device)
            self._verdicts[key] = verdict
            return verdict

    def _read(self, key: str) -> Verdict | None:
        values = self.kept.read(key)
        try:
            return None if values is None else Verdict(**values)
        except TypeError:
            return None


def _key(model: Model, device: Device) -> str:
    card = model.card
    sample = f"{card.sample} {' '.join(sample_file_hashes(model))}"
    return key_of(card, device, sample=sample, accuracy=str(card.accuracy))


@dataclass(frozen=True, slots=True)
class SampleComparison:
    """The sample in fp32 and in a lower precision."""

    precision: str
    """The lower one."""
    sha256: str
    """Checksum of the sample."""
    similarity: Similarity


def compare_sample(model: Model, device: Device, sample_mask: SampleMask) -> SampleComparison:
    """Runs the sample in fp32 and in the device's precision."""
    return _compare(sample_scans(model), model, device, sample_mask)


def _compare(
    scans: Mapping[str, Scan], model: Model, device: Device, sample_mask: SampleMask
) -> SampleComparison:
    reduced = sample_mask(device, scans)
    exact = sample_mask(replace(device, precision="fp32"), scans)
    similarity = compare_masks(exact, reduced, model.card)
    return SampleComparison(device.precision, sample_sha256(scans), similarity)


def judge(sample: SampleComparison, card: ModelCard) -> Verdict:
    """Whether a network with this card may run in the sample's lower precision."""
    similarity, precision = sample.similarity, sample.precision
    if not similarity.scores:
        return Verdict(False, "The network predicts no label in its sample.")
    if card.accuracy is None:
        return _by_equality(similarity, precision)
    if outdated := _outdated(card.accuracy, card, sample.sha256):
        verdict = _by_equality(similarity, precision)
        return replace(verdict, reason=f"{outdated} {verdict.reason}")
    return _by_record(similarity, card.accuracy, precision)


def _outdated(record: Accuracy, card: ModelCard, sample: str) -> str:
    """Why the card's record does not apply, in one sentence; empty: it does."""
    for measured, present, what in (
        (record.network_sha256, card.checksum, "network"),
        (record.sample_sha256, sample, "sample"),
    ):
        if measured != present:
            return (
                f"The accuracy in the card was recorded with another {what} "
                f"({measured[:12]}..., not {present[:12]}...) and does not count."
            )
    return ""


def _by_equality(similarity: Similarity, precision: str) -> Verdict:
    lowest = similarity.lowest
    return Verdict(
        lowest >= LEAST,
        f"In {precision}, the agreement of the sample's mask with fp32 is {lowest:.4f}; without "
        f"recorded accuracy, {LEAST} is required.",
    )


def _by_record(similarity: Similarity, record: Accuracy, precision: str) -> Verdict:
    """Fails for the first of three reasons: the record's scores, a label, the similarity."""
    name, difference = record.largest_difference
    if difference > LARGEST_DIFFERENCE:
        return Verdict(
            False,
            f"In {record.precision}, {name} was {record.lower[name]:.4f} on {record.cases} "
            f"cases, in fp32 {record.fp32[name]:.4f}.",
        )
    if similarity.absent:
        return Verdict(
            False,
            f"The network does not predict the label {similarity.absent[0]} in its sample.",
        )
    for label, score in similarity.scores.items():
        least = record.sample.get(label, 1.0) - record.margin
        if score < least:
            return Verdict(
                False,
                f"In {precision}, the sample's mask is less similar to fp32 than on the machine "
                f"that recorded the accuracy (label {label}: {score:.4f}, at least {least:.4f} is "
                "required).",
            )
    return Verdict(
        True,
        f"In {precision}, the sample's mask is as similar to fp32 as when the accuracy was "
        f"recorded, which was the same in both on {counted(record.cases, 'case')}.",
    )
