"""The page offers the mask that a reader corrected, beside the model's own."""

from playwright.sync_api import Browser, expect
from pydicom.uid import RTStructureSetStorage

from tests.support.corrected import Corrected
from tests.support.dicom.archive import SEG, SR, archive
from tests.support.installation import MODEL, Installation
from tests.support.page import watched


def test_a_corrected_mask_is_sent(browser: Browser, installation: Installation) -> None:
    with archive((SEG, SR, RTStructureSetStorage)) as there:
        gateway = installation.gateway(
            f'[[peer]]\nname = "archive"\nhost = "127.0.0.1"\nport = {there.port}\n'
            'ae_title = "ARCHIVE"\n',
            dicom_port="0",
        )
        installation.worker()
        job, address = Corrected(gateway, model=MODEL).job, str(gateway.client.base_url)
        for page in watched(browser, address):
            page.goto(f"{address}/#job={job}")
            expect(page.get_by_text("Send original mask to archive")).to_be_visible()
            expect(page.locator(".version")).to_contain_text("as it was corrected by reader")
            files = page.get_by_role("toolbar", name="Download the corrected mask")
            with page.expect_download() as download:
                files.get_by_text("Mask (NIfTI)").click()
            saved = download.value.path().read_bytes()
            review = gateway.client.get(f"/v1/jobs/{job}/reviews").json()[-1]["id"]
            path = f"/v1/jobs/{job}/reviews/{review}/mask"
            assert saved == gateway.client.get(path, params={"format": "nifti"}).content
            page.get_by_text("Send corrected mask to archive").click()
            sent = page.locator(".deliveries li[data-state=sent]")
            expect(sent).to_have_count(3)
            expect(sent.first).to_contain_text("of the corrected mask to archive")
    (seg,) = [one for one in there.objects if one.SOPClassUID == SEG]
    assert seg.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
