"""Columns of numbers in a vtkMRMLTableNode, all changed at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy


def read_columns(table: Any) -> dict[str, np.ndarray]:
    """Numeric columns by name, float64, copied; columns that a person turned into text are left out."""
    content = table.GetTable()
    columns = [content.GetColumn(i) for i in range(content.GetNumberOfColumns())]
    return {c.GetName(): vtk_to_numpy(c).astype(np.float64) for c in columns if c.IsA("vtkDataArray")}


def write_columns(table: Any, columns: Mapping[str, np.ndarray]) -> None:
    """Make these the table's only columns; texts become columns of text."""
    content = vtk.vtkTable()
    for name, values in columns.items():
        column = _column(np.asarray(values))
        column.SetName(name)
        content.AddColumn(column)
    was_modifying = table.StartModify()
    table.GetTable().DeepCopy(content)
    table.GetTable().Modified()
    table.Modified()
    table.EndModify(was_modifying)


def _column(values: np.ndarray) -> Any:
    if values.dtype.kind in "fiub":
        return numpy_to_vtk(np.ascontiguousarray(values, np.float64), deep=True)
    column = vtk.vtkStringArray()
    for value in values:
        column.InsertNextValue(str(value))
    return column
