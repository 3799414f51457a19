"""`tessera gateway`"""

import click

from cli.uncollected import uncollected
from jobs.private_files import keep_private
from jobs.settings import Settings


@click.command("gateway")
def command() -> None:
    """Run only the gateway: API, page and DICOM. Configured by TESSERA_* environment variables."""
    with uncollected():
        from service.serve import serve

    settings = Settings()
    keep_private(settings.data)
    serve(settings)
