"""The real faces, for what is measured on them."""

from __future__ import annotations

import os

from src.config import read_params
from src.faces.rows import Table
from src.faces.sources import VARIABLE
from src.params import DataParams
from src.pull import pull


def read() -> Table:
    """Read all of FER2013 from where FER2013_SOURCE says.

    Raises:
        ValueError: It is not set.
    """
    where = os.environ.get(VARIABLE)
    if not where:
        raise ValueError(f"{VARIABLE} is not set, expected the path of FER2013")
    return pull(read_params(DataParams).model_copy(update={"source": "fer2013"}), where)[0]
