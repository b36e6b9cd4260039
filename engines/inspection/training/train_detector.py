"""Train the defect detector from a seed and write `inspection.fp32.onnx`.

    python engines/inspection/training/train_detector.py [--pictures 32000] [--seed 1] [--threads 1] [--device cpu|cuda] [-o FILE]

Pictures are rendered in processes beside the training, seen `SEEN` times, each time turned or mirrored anew, and then forgotten.
The same seed, thread count, torch version and processor give the same file; another processor rounds differently and gives a file
that scores the same.
"""

import argparse
import multiprocessing
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import hall
import numpy as np
import torch
from detector_net import STRIDE, DefectNet, boxes_of, centres, to_onnx
from pet_optics import scenes
from rich.progress import Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

BUNDLE = Path(__file__).resolve().parents[1]
FRESH = 16  # new pictures a step
SEEN = 3  # times that a picture is learnt from, in other orientations
APART = 200  # steps between two of them
PEAK_RATE = 3e-3
WEIGHT_DECAY = 1e-3
TRAIN_SPLIT = 0  # render_parts.py owns the others
LIGHTS = ("dark", "hall", "daylight", "dark")
REACH_CELLS = 0.8  # cells whose centre is this near to that of a defect learn its box
BOX_WEIGHT = 2.0

Drawn = tuple[np.ndarray, np.ndarray]  # HxWx3 8-bit, and defects as rows: kind, left, top, right, bottom


def picture(job: tuple[int, int]) -> Drawn:
    """Training picture ``index`` of ``seed``; bands take turns."""
    seed, index = job
    one = hall.sample(scenes.generator(seed, TRAIN_SPLIT, index), LIGHTS[index % len(LIGHTS)])
    return one.picture, np.array(one.defects, np.float32).reshape(-1, 5)


def turned(drawn: Drawn, way: int) -> Drawn:
    """One of the eight orientations of a square picture, boxes with it."""
    pixels, rows = drawn
    kind, left, top, right, bottom = rows.T
    size = pixels.shape[0]
    if way & 1:
        pixels, left, right = pixels[:, ::-1], size - right, size - left
    if way & 2:
        pixels, top, bottom = pixels[::-1], size - bottom, size - top
    if way & 4:
        pixels, left, top, right, bottom = pixels.transpose(1, 0, 2), top, left, bottom, right
    return pixels, np.stack([kind, left, top, right, bottom], axis=1)


def batches(seed: int, steps: int, workers: int) -> Iterator[list[Drawn]]:
    """One batch a step: new pictures, and older ones in another orientation."""
    rng = np.random.default_rng((seed, TRAIN_SPLIT, 1))
    older: deque[list[Drawn]] = deque(maxlen=APART * (SEEN - 1) + 1)
    jobs = ((seed, index) for index in range(steps * FRESH))
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        drawn = pool.imap(picture, jobs, chunksize=FRESH)
        for _ in range(steps):
            older.append([next(drawn) for _ in range(FRESH)])
            again = [older[-1 - back] for back in range(0, len(older), APART)]
            yield [turned(one, int(rng.integers(0, 8))) for group in again for one in group]


def targets(rows: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """For N pictures: the box each cell learns (Nx4x256 centre and sides) and its class number (Nx256, -1 where none)."""
    middle = centres().numpy()
    kinds = np.full((len(rows), middle.shape[1]), -1, np.int64)
    boxes = np.zeros((len(rows), 4, middle.shape[1]), np.float32)
    for index, found in enumerate(rows):
        sides = np.stack([found[:, 3] - found[:, 1], found[:, 4] - found[:, 2]], 1)
        for one in np.argsort(-sides.prod(1)):  # the smallest last: it keeps a cell that two claim
            x, y = (found[one, 1] + found[one, 3]) / 2, (found[one, 2] + found[one, 4]) / 2
            near = np.hypot(middle[0] - x, middle[1] - y) < REACH_CELLS * STRIDE
            kinds[index, near] = int(found[one, 0])
            boxes[index, :, near] = (x, y, *sides[one])
    return torch.from_numpy(boxes), torch.from_numpy(kinds)


def overlap(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al. 2019) of boxes as centre and sides, Mx4 each."""
    low = torch.maximum(one[:, :2] - one[:, 2:] / 2, other[:, :2] - other[:, 2:] / 2)
    high = torch.minimum(one[:, :2] + one[:, 2:] / 2, other[:, :2] + other[:, 2:] / 2)
    inner = (high - low).clamp(min=0).prod(1)
    union = one[:, 2:].prod(1) + other[:, 2:].prod(1) - inner
    around = torch.maximum(one[:, :2] + one[:, 2:] / 2, other[:, :2] + other[:, 2:] / 2) - torch.minimum(
        one[:, :2] - one[:, 2:] / 2, other[:, :2] - other[:, 2:] / 2
    )
    hull = around.prod(1)
    share = inner / union
    return share, share - (hull - union) / hull


def loss_of(raw: Tensor, boxes: Tensor, kinds: Tensor) -> tuple[Tensor, float]:
    """Quality focal loss (Li et al. 2020) on the classes, GIoU on the boxes; and the mean IoU of the cells that learn a box."""
    found, logits = boxes_of(raw)
    at, cell = torch.nonzero(kinds >= 0, as_tuple=True)
    iou, generalised = overlap(found[at, :, cell], boxes[at, :, cell])
    wanted = torch.zeros_like(logits)
    wanted[at, kinds[at, cell], cell] = iou.detach().clamp(min=0.05)
    share = torch.sigmoid(logits)
    focus = (wanted - share).abs() ** 2
    classes = (focus * nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")).sum()
    count = max(len(at), 1)
    total = (classes + BOX_WEIGHT * (1 - generalised).sum()) / count
    return total, float(iou.detach().mean()) if len(at) else 0.0


def train(pictures: int, seed: int, device: str, workers: int) -> DefectNet:
    """AdamW on a one-cycle schedule; shows loss and mean IoU, running, as it goes."""
    torch.manual_seed(seed)
    net = DefectNet().to(device, memory_format=torch.channels_last)
    steps = max(pictures // FRESH, 10)
    optimiser = torch.optim.AdamW(net.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps, pct_start=0.15)
    loss_mean, iou_mean = 3.0, 0.0
    columns = (*Progress.get_default_columns(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns) as bar:
        task = bar.add_task("training", total=steps, note="")
        for step, drawn in enumerate(batches(seed, steps, workers), 1):
            pixels = torch.from_numpy(np.stack([one for one, _ in drawn])).to(device).permute(0, 3, 1, 2)
            x = pixels.to(torch.float32).div(255.0).contiguous(memory_format=torch.channels_last)
            boxes, kinds = (tensor.to(device) for tensor in targets([rows for _, rows in drawn]))
            loss, iou = loss_of(net(x), boxes, kinds)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 10.0)
            optimiser.step()
            schedule.step()
            loss_mean += 0.03 * (float(loss.detach()) - loss_mean)
            iou_mean += 0.03 * (iou - iou_mean)
            bar.update(task, advance=1, note=f"loss {loss_mean:.3f} IoU {iou_mean:.3f}")
            if step % 100 == 0 and not bar.console.is_terminal:
                print(f"step {step} of {steps}: loss {loss_mean:.3f}, IoU {iou_mean:.3f}", flush=True)
    return net.cpu().eval()


def main() -> int:
    """Train, write the file, say how long it took."""
    parser = argparse.ArgumentParser(description="Train the defect detector on rendered parts and write it as ONNX.")
    parser.add_argument("--pictures", type=int, default=32_000, help="how many to render")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("-o", "--output", type=Path, default=BUNDLE / "inspection.fp32.onnx")
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    begin = time.monotonic()
    net = train(wanted.pictures, wanted.seed, wanted.device, wanted.workers)
    to_onnx(net, wanted.output)
    size = wanted.output.stat().st_size
    print(f"{wanted.output}: {size / 1024:.0f} KiB, {wanted.pictures} pictures in {(time.monotonic() - begin) / 60:.1f} minutes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
