"""Writes tables as Parquet files, through pyarrow."""

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

import pyarrow
from pyarrow import parquet

from tunelet.export import TrialTable

_ROWS_AT_ONCE = 10_000
"""The rows of a row group."""

_TYPES: Mapping[type, Any] = {
    bool: pyarrow.bool_(),
    int: pyarrow.int64(),
    float: pyarrow.float64(),
    str: pyarrow.string(),
    datetime: pyarrow.timestamp("us", "UTC"),
}


def write_parquet(table: TrialTable, out: BinaryIO) -> None:
    """Write the table. A column has one type; if its values have several types, it is text."""
    kinds = _kinds(table)
    schema = pyarrow.schema([(name, _TYPES[kind]) for name, kind in kinds.items()])
    rows = iter(table.rows())
    with parquet.ParquetWriter(out, schema) as writer:
        while group := list(islice(rows, _ROWS_AT_ONCE)):
            columns = {
                name: [_of_kind(row.get(name), kind) for row in group]
                for name, kind in kinds.items()
            }
            writer.write_table(pyarrow.Table.from_pydict(columns, schema))


def _kinds(table: TrialTable) -> dict[str, type]:
    """The type of each column, from one pass over the rows."""
    found: dict[str, set[type]] = {column: set() for column in table.columns}
    for row in table.rows():
        for column, value in row.items():
            found[column].add(type(value))
    return {column: _kind(column, kinds - {type(None)}) for column, kinds in found.items()}


def _kind(column: str, kinds: set[type]) -> type:
    if column.startswith("values.") or kinds == {int, float}:
        return float
    return next(iter(kinds)) if len(kinds) == 1 else str


def _of_kind(value: Any, kind: type) -> Any:
    if value is None or isinstance(value, kind) or kind is float:
        return value
    return json.dumps(value)
