"""The distillation objective in parts, each a small table of named functions; published methods are presets of them.

`teachtext.learning.teachtext` has the paper's objective in one place. The parts are the laboratory around it:
settings in `parts`, matrices of the teachers in `teacher_side`, matrices of the student in `student_side`. Their
comparison is in `compare`, published objectives in `presets`, and the loss that joins all parts in `objective`.
"""

from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.parts import TABLES, Parts
from teachtext.learning.distillation.presets import PRESETS, preset

__all__ = ["PRESETS", "TABLES", "Distillation", "Parts", "preset"]
