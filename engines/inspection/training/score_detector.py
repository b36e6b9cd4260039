"""Score the bundle's models on freshly rendered test pictures, band by band: mAP at IoU 0.5, and mAP.5:.95 beside it.

    python engines/inspection/training/score_detector.py [--each 500] [MODEL.onnx ...]

Average precision is ``adaptd.vision.detection``'s: the area under the monotone precision-recall curve over all points. The last
figures are what a person asks of an inspector, at the score that the daemon serves at (0.25): defects missed, parts rejected for
nothing.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from defects import CLASSES
from hall import BANDS, Sample
from numpy.typing import NDArray
from render_parts import samples

from adaptd.vision import detection

BUNDLE = Path(__file__).resolve().parents[1]
KNOWN = ("inspection.fp32.onnx", "inspection.int8.ort.onnx")
LIMITS = tuple(np.arange(0.5, 1.0, 0.05))
Boxes = NDArray[np.float32]


def open_model(path: Path) -> onnxruntime.InferenceSession:
    """A CPU session on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def truth_of(one: Sample) -> Boxes:
    """Defects as rows ``x1 y1 x2 y2 1 class``."""
    return np.array([[*defect[1:], 1.0, defect.kind] for defect in one.defects], np.float32).reshape(-1, 6)


def found_by(session: onnxruntime.InferenceSession, drawn: Sequence[Sample], floor: float) -> list[Boxes]:
    """The boxes of every picture whose score reaches ``floor``."""
    found = []
    for one in drawn:
        batch = np.ascontiguousarray(one.picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        found.append(detection.decode("yolo", session.run(None, {"input": batch})[0], floor, len(CLASSES)))
    return found


def figures(session: onnxruntime.InferenceSession, drawn: Sequence[Sample]) -> dict[str, float]:
    """mAP.5, mAP.5:.95, share of defects missed, and share of sound parts rejected, on ``drawn``."""
    truth = [truth_of(one) for one in drawn]
    faint = found_by(session, drawn, detection.FAINT)
    scores = [detection.mean_average_precision(truth, faint, float(limit)) or 0.0 for limit in LIMITS]
    served = [boxes[boxes[:, 4] >= detection.SCORE_FLOOR] for boxes in faint]
    missed = sum(detection.apart(one, other)[0] for one, other in zip(truth, served, strict=True))
    sound = [len(other) > 0 for one, other in zip(truth, served, strict=True) if not len(one)]
    defects = sum(map(len, truth))
    return {
        "map50": scores[0],
        "map5095": float(np.mean(scores)),
        "missed": missed / max(defects, 1),
        "rejected": float(np.mean(sound)) if sound else 0.0,
    }


def table(models: Sequence[Path], each: int, seed: int, split: str = "test") -> str:
    """A Markdown table: one row a band and model."""
    sessions = [(path.name.removeprefix("inspection.").removesuffix(".onnx"), open_model(path)) for path in models]
    rows = [
        "| band | lux | parts | model | mAP.5 | mAP.5:.95 | defects missed | sound parts rejected |",
        "|---|---|--:|---|--:|--:|--:|--:|",
    ]
    for band, (low, high) in BANDS.items():
        drawn = list(samples(split, seed, band, each))
        for name, session in sessions:
            one = figures(session, drawn)
            rows.append(
                f"| {band} | {low:g} to {high:g} | {each} | {name} | {one['map50']:.3f} | {one['map5095']:.3f} "
                f"| {one['missed']:.1%} | {one['rejected']:.1%} |"
            )
    return "\n".join(rows)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Score the inspection models per light band.")
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--each", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    models = wanted.models or [BUNDLE / name for name in KNOWN if (BUNDLE / name).is_file()]
    print(table(models, wanted.each, wanted.seed))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
