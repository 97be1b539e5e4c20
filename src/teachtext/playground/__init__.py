"""The playground: a generated dataset of short videos with captions.

`build_playground` writes a dataset folder. All other packages read the folder like any other dataset folder.
"""

from teachtext.playground.build import build_playground

__all__ = ["build_playground"]
