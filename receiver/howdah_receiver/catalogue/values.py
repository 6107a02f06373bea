"""A list as one value of a statement: with a place for each, each length would be another statement."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import TableValuedAlias, func


def rows_of(values: Sequence[int | str]) -> TableValuedAlias:
    """Rows with `key`, from 0 on, and `value`."""
    return func.json_each(msgspec.json.encode(values).decode()).table_valued("key", "value")
