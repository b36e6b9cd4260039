"""Draw what the INT8 engine finds on fresh parts, one row a light band: the picture of docs/agv.md.

python engines/inspection/training/draw_found.py -o docs/agv-parts.png [--columns 6]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from defects import CLASSES
from hall import BANDS
from render_parts import draw
from score_detector import BUNDLE, found_by, open_model

REJECTS_AT = 0.4  # the score from which `adaptd agv run` counts a box
SCALE = 2
COLOURS = ((60, 60, 255), (80, 220, 80), (255, 120, 60))  # blue-green-red
FIRST = 40


def main() -> int:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description="Draw what the detector finds on rendered parts.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--columns", type=int, default=6)
    wanted = parser.parse_args()
    session, rows = open_model(BUNDLE / "inspection.int8.ort.onnx"), []
    for band in BANDS:
        drawn = [draw("spare", 1, band, FIRST + index) for index in range(wanted.columns)]
        cells = []
        for one, boxes in zip(drawn, found_by(session, drawn, REJECTS_AT), strict=True):
            cell = cv2.resize(np.ascontiguousarray(one.picture[:, :, ::-1]), None, fx=SCALE, fy=SCALE)
            for left, top, right, bottom, score, kind in boxes:
                corner = int(left * SCALE), int(top * SCALE)
                cv2.rectangle(cell, corner, (int(right * SCALE), int(bottom * SCALE)), COLOURS[int(kind)], 1)
                words = f"{CLASSES[int(kind)].replace('_', ' ')} {score:.0%}"
                cv2.putText(
                    cell, words, (corner[0], corner[1] - 2), cv2.FONT_HERSHEY_SIMPLEX, 0.32, COLOURS[int(kind)], 1, cv2.LINE_AA
                )
            cv2.putText(cell, f"{one.lux:,.1f} lux", (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (255, 255, 255), 1, cv2.LINE_AA)
            cells.append(cell)
        rows.append(np.hstack(cells))
    if not cv2.imwrite(str(wanted.output), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise SystemExit(f"{wanted.output}: can not be written")
    print(f"{wanted.output}: {wanted.columns} parts in each of {len(BANDS)} bands")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
