"""Prints the OpenAPI description that a gateway of this checkout serves."""

import json
import tempfile
from pathlib import Path
from typing import Any

from jobs.settings import Settings
from service.app import create_app


def description() -> dict[str, Any]:
    """As `GET /openapi.json` answers."""
    with tempfile.TemporaryDirectory() as folder:
        return create_app(Settings(data=Path(folder))).openapi()


if __name__ == "__main__":
    print(json.dumps(description()))
