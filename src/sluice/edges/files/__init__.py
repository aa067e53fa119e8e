"""Files scanned and scrubbed: streamed, in bounded memory, on all cores."""

from sluice.edges.files.shape import FileProblem, Shape, shape_of
from sluice.edges.files.trees import Result, process

__all__ = ["FileProblem", "Result", "Shape", "process", "shape_of"]
