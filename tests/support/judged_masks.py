"""Judged masks that are made here, as a source of data sets."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imaging.scan import Scan, in_memory
from models.data_set.judged_case import JudgedCase, JudgedScan, Verdict

SHA256 = "a" * 64


@dataclass
class MadeMasks:
    """A `JudgedMasks` of arrays."""

    entries: list[tuple[JudgedCase, Mapping[str, Scan], Scan]] = field(default_factory=list)
    opened_jobs: list[str] = field(default_factory=list)

    def add(
        self,
        scans: Mapping[str, NDArray[np.float32]] | NDArray[np.float32],
        mask: NDArray[np.uint8],
        *,
        subject: str = "",
        name: str = "",
        verdict: Verdict = "corrected",
        judged_at: float | None = None,
        content: str = "",
        spacing: Sequence[float] = (1.0, 1.0, 2.0),
        sha256: str = SHA256,
        cropped: bool = False,
    ) -> JudgedCase:
        """Adds a mask; `scans`: one array, or one for each channel, each (*spatial)."""
        number = len(self.entries)
        named = scans if isinstance(scans, Mapping) else {"t1": scans}
        spacing_mm = tuple(spacing) if mask.ndim == 3 else None
        case = JudgedCase(
            job=f"job{number:029d}",
            review=f"review{number}",
            verdict=verdict,
            judged_at=float(number) if judged_at is None else judged_at,
            model="blob",
            model_version="1",
            model_sha256=sha256,
            scans={
                channel: JudgedScan(
                    f"scan{number}{channel}",
                    name or f"scan {number}",
                    content or f"{number}{channel}",
                    subject=subject,
                )
                for channel in named
            },
            cropped=cropped,
        )
        opened = {n: in_memory(values[np.newaxis], spacing_mm) for n, values in named.items()}
        self.entries.append((case, opened, in_memory(mask[np.newaxis], spacing_mm)))
        return case

    def cases(self) -> Iterator[JudgedCase]:
        """Implements `JudgedMasks.cases`."""
        return iter([case for case, _, _ in self.entries])

    @contextmanager
    def opened(self, case: JudgedCase) -> Iterator[tuple[Mapping[str, Scan], Scan]]:
        """Implements `JudgedMasks.opened`."""
        self.opened_jobs.append(case.job)
        yield next((scans, mask) for one, scans, mask in self.entries if one.job == case.job)


def ball(
    random: np.random.Generator, contrast: float = 50.0
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A noisy volume (16, 18, 12) with one ball, and its mask."""
    grid = np.stack(np.meshgrid(*map(np.arange, (16, 18, 12)), indexing="ij"), -1)
    mask = np.linalg.norm(grid - random.uniform(5, 8, 3), axis=-1) < 4
    image = 100 + contrast * mask + 5 * random.standard_normal(mask.shape)
    return image.astype(np.float32), mask.astype(np.uint8)
