"""The table of results as Parquet, with the extra `parquet`."""

from collections.abc import Container
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from cli.batch.results import Results
from imaging.formats.atomic import replacing

MISSING = (
    "results.parquet is not written, because pyarrow is not installed. Install it from Tessera's "
    "source folder with: pip install '.[parquet]'"
)
_ROWS = 10_000
"""Rows that are in memory at once."""


def is_available() -> bool:
    """Whether Parquet can be written."""
    return find_spec("pyarrow") is not None


def write_parquet(path: Path, results: Results, waiting: Container[str]) -> None:
    """Writes all rows, complete or not at all. `waiting`: as for `Results.rows`."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(column.name, types[column.kind]) for column in results.columns])
    with replacing(path) as file, ParquetWriter(file, schema) as writer:
        rest = results.rows(waiting)
        while rows := list(islice(rest, _ROWS)):
            columns = [[_readable(cell) for cell in cells] for cells in zip(*rows, strict=True)]
            writer.write_table(pa.table(columns, schema=schema))


def _readable(cell: Any) -> Any:
    """A name of a file that is not UTF-8 as Python writes it."""
    if isinstance(cell, str):
        return cell.encode("utf-8", "backslashreplace").decode()
    return cell
