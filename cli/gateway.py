"""`tessera gateway`"""

import click

from jobs.settings import Settings


@click.command("gateway")
def command() -> None:
    """Run the gateway alone; everything else comes from TESSERA_* in the environment."""
    from service.serve import serve

    serve(Settings())
