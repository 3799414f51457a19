"""A viewer that knows a series' UID alone: the series comes from the PACS by itself."""

import json

import numpy as np

from tests.support.answers import check_problem
from tests.support.archive_rules import routes
from tests.support.dicom.mr_series import series
from tests.support.installation import MODEL, Installation
from tests.support.orthanc import Orthanc

RAW = {"params": json.dumps({"result_extension": ".nrrd", "result_compress": False})}


def test_a_series_is_pulled_when_it_is_asked_for(
    orthanc: Orthanc, installation: Installation
) -> None:
    """Given OHIF's one request, the mask comes; the series is fetched once."""
    images = series(32, 40)
    uid = str(images[0].SeriesInstanceUID)
    orthanc.put(images)
    client = installation.gateway(routes(orthanc), dicom_port="0").client
    installation.worker()
    for _ in range(2):
        address = f"/monai-label/infer/{MODEL}?image={uid}&output=image"
        answer = client.post(address, data=RAW, timeout=120)
        assert answer.status_code == 200, answer.text
        head, _, bare = answer.content.partition(b"\n\n")
        assert b"sizes: 40 40 32\n" in head
        assert set(np.frombuffer(bare, np.uint8)) <= {0, 1, 2}
        assert len(bare) == 40 * 40 * 32
    (scan,) = client.get("/v1/scans").json()["scans"]
    assert scan["format"] == "dicom"
    unknown = client.post(f"/monai-label/infer/{MODEL}?image={uid}.9&output=image", data=RAW)
    check_problem(unknown, 404, uid)
    assert uid not in installation.logs()
