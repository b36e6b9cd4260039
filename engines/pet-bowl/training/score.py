"""Score the bundle's models on freshly rendered test pictures, band by band, and put the table into the model card.

    python engines/pet-bowl/training/score.py [--each 1000] [--write] [MODEL.onnx ...]

Without names it takes the files of the bundle that ONNX Runtime can run. The first is the reference: beside each other
model's score stands the share of pictures on which its class differs from the reference's.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import argparse
import re
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from render_set import samples
from rich.progress import track
from scenes import BANDS, CLASSES

BUNDLE = Path(__file__).resolve().parents[1]
CARD = BUNDLE / "MODEL_CARD.md"
KNOWN = ("pet-bowl.fp32.onnx", "pet-bowl.fp16.onnx", "pet-bowl.int8.ort.onnx")
MARKS = ("<!-- scores: begin -->", "<!-- scores: end -->")


def tensor(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """128x128x3 8-bit RGB to float32 1x3x128x128 of 0 to 1."""
    batch: NDArray[np.float32] = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
    return batch


def open_model(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A CPU session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def classes_of(session: onnxruntime.InferenceSession, pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The class number of every picture (Nx128x128x3)."""
    return np.array([int(session.run(None, {"input": tensor(picture)})[0].argmax()) for picture in pictures])


def table(models: list[Path], each: int, seed: int) -> str:
    """A Markdown table: one row a band, one column a model."""
    sessions = [open_model(path) for path in models]
    names = [path.name.removeprefix("pet-bowl.").removesuffix(".onnx") for path in models]
    rows = [f"| band | lux | pictures | {' | '.join(names)} |", "|---|---|--:|" + "--:|" * len(names)]
    for band, (low, high) in BANDS.items():
        drawn = list(track(samples("test", seed, [band], each), band, total=each))
        pictures, truth = np.stack([one.picture for one in drawn]), np.array([CLASSES.index(one.label) for one in drawn])
        answers = [classes_of(session, pictures) for session in sessions]
        cells = [f"{100 * np.mean(answers[0] == truth):.2f} %"]
        cells += [f"{100 * np.mean(a == truth):.2f} % ({100 * np.mean(a != answers[0]):.2f} % differ)" for a in answers[1:]]
        rows.append(f"| {band} | {low:g} to {high:g} | {each} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> int:
    """Print the table; with --write, into the card too."""
    parser = argparse.ArgumentParser(description="Score the pet-bowl models per light band.")
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--each", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put the table into MODEL_CARD.md")
    wanted = parser.parse_args()
    models = wanted.models or [BUNDLE / name for name in KNOWN if (BUNDLE / name).is_file()]
    text = table(models, wanted.each, wanted.seed)
    print(text)
    if wanted.write:
        pattern = re.compile(f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}", re.DOTALL)
        CARD.write_text(pattern.sub(f"{MARKS[0]}\n{text}\n{MARKS[1]}", CARD.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
