"""The files of a trained model's folder. Their names are here, so that a place can be looked into without torch."""

from teachtext.data.kept_captions import CAPTIONS

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
METRICS = "metrics.json"
TRAINED_ON = "trained_on.json"
EVALUATION = "evaluation.json"
CARD = "README.md"

MODEL_FILES = (CONFIG, WEIGHTS, METRICS, TRAINED_ON, CAPTIONS, EVALUATION, CARD)
"""All files of a model folder that are shared, and all that are downloaded. None of them is code."""
