"""`tessera gateway`"""

import click

from jobs.settings import Settings


@click.command("gateway")
def command() -> None:
    """Run only the gateway: API, page and DICOM. Configured by TESSERA_* environment variables."""
    from service.serve import serve

    serve(Settings())
