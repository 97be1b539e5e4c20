"""How fast every text encoder answers one query, warm, on one thread. Run: python benchmarks/query.py [SPEC ...].

Queries are all different, so that none is remembered. `minilm, ONNX` is the same model, exported.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from teachtext.encoders.query import QueryEncoder
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.encoders.spec import MODEL
from teachtext.packages import installed

QUERIES = 100
SUBJECTS = ("a man", "two dogs", "a woman in a red dress", "the children", "somebody")
DOINGS = ("slices a tomato", "runs over the grass", "plays the guitar on a stage", "rides a bike down the street")


def queries() -> list[str]:
    return [f"{SUBJECTS[i % 5]} {DOINGS[i % 4]}, scene {i}" for i in range(QUERIES)]


def measure(name: str, build: Callable[[], QueryEncoder]) -> None:
    start = time.perf_counter()
    encoder = build()
    loaded = time.perf_counter() - start
    times = []
    for query in queries():
        start = time.perf_counter()
        encoder.encode(query)
        times.append(1000 * (time.perf_counter() - start))
    start = time.perf_counter()
    encoder.encode(queries()[-1])
    again = 1e6 * (time.perf_counter() - start)
    cuts = statistics.quantiles(times, n=20)
    speed = f"p50 {cuts[9]:6.2f} ms  p95 {cuts[18]:6.2f} ms  remembered {again:4.0f} us"
    print(f"{name:16} {speed}  ready in {loaded:4.1f} s", flush=True)


def exported(folder: Path) -> QueryEncoder:
    from teachtext.encoders.text.onnx import OnnxEncoder
    from teachtext.learning.onnx_export import write_text_encoder

    told, _ = write_text_encoder(TEXT_ENCODERS.parse("minilm"), folder)
    return QueryEncoder(OnnxEncoder(folder, **told))


def main() -> None:
    known = [spec for spec, entry, _ in TEXT_ENCODERS.rows() if MODEL not in spec and installed(entry.package)]
    for spec in sys.argv[1:] or known:
        measure(spec, lambda spec=spec: QueryEncoder(spec))
    with TemporaryDirectory() as folder:
        measure("minilm, ONNX", lambda: exported(Path(folder)))


if __name__ == "__main__":
    main()
