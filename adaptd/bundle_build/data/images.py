"""A folder of pictures: which ones, in which light, of which class, and each picture only once.

Three layouts, told apart by what is there: ``labels.csv`` with the columns ``file`` and any of ``class``, ``band``, ``lux``;
folders ``BAND/CLASS/``, ``BAND/`` or ``CLASS/`` where BAND is a light band of the policy; or pictures lying side by side. A
folder ``images`` is Ultralytics' layout: what is below it is neither light nor class. Detection labels lie beside a picture
as ``NAME.txt``, or under ``labels`` instead of ``images``, one box a line: class number, centre x, centre y, width, height (0
to 1).
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from adaptd.bundle_build import BuildError
from adaptd.config.policy import LightBand

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm")
COLUMNS = ("file", "class", "band", "lux")
NO_BAND = "all"
Row = tuple[str, str, str | None]
"""Name, band and class of a picture."""
MAX_CSV_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One picture. ``band`` is ``all`` where its light is not known; ``label`` is a class name or None; sha256 of the file."""

    path: Path
    name: str
    band: str
    label: str | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures in the order of their names, duplicates left out, and what the user should know about them."""

    folder: Path
    samples: tuple[LabelledImage, ...]
    notes: tuple[str, ...] = ()

    @property
    def bands(self) -> tuple[str, ...]:
        return tuple(sorted({sample.band for sample in self.samples}))

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({sample.label for sample in self.samples if sample.label is not None}))


def scan(folder: Path, bands: Sequence[LightBand], band: str | None = None) -> Dataset:
    """Find the pictures of ``folder``. ``band`` declares the light of all of them.

    Raises:
        BuildError: no folder, no pictures, a table whose rows cannot be right.
    """
    if not folder.is_dir():
        raise BuildError(f"{folder}: is no folder, name a folder of pictures")
    table = folder / "labels.csv"
    rows = _from_table(folder, table, bands) if table.is_file() else _from_tree(folder, bands)
    if band is not None:
        rows = [(name, band, label) for name, _, label in rows]
    if not rows:
        raise BuildError(f"{folder}: holds no pictures ({', '.join(SUFFIXES)}), put some there")
    return _unique(folder, sorted(rows, key=lambda row: row[0]))


def scan_all(folders: Sequence[Path], bands: Sequence[LightBand], band: str | None = None) -> Dataset:
    """Several folders as one dataset; a picture that lies in two counts once. Raises BuildError."""
    found = [scan(folder, bands, band) for folder in folders]
    if len(found) == 1:
        return found[0]
    samples = {sample.sha256: sample for dataset in reversed(found) for sample in reversed(dataset.samples)}
    ordered = sorted(samples.values(), key=lambda sample: str(sample.path))
    copies = sum(len(dataset.samples) for dataset in found) - len(ordered)
    notes = [note for dataset in found for note in dataset.notes]
    notes += [f"{copies} pictures lie in more than one folder and count once"] if copies else []
    return Dataset(found[0].folder, tuple(ordered), tuple(notes))


def band_of(lux: float, bands: Sequence[LightBand]) -> str:
    """The band of an illuminance; where two overlap the darker one, which asks for more proof."""
    return next((band.name for band in bands if band.up_at_mlx is None or lux * 1000 < band.up_at_mlx), bands[-1].name)


def missing_bands(dataset: Dataset, bands: Sequence[LightBand], fewest: int) -> list[str]:
    """The policy's bands of which the dataset has fewer than ``fewest`` pictures, each with the count it has."""
    counts = Counter(sample.band for sample in dataset.samples)
    return [f"{band.name} ({counts[band.name]})" for band in bands if counts[band.name] < fewest]


def _from_tree(folder: Path, bands: Sequence[LightBand]) -> list[Row]:
    names = {band.name for band in bands}
    rows: list[Row] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            *parents, _ = path.relative_to(folder).parts
            if "images" in parents:  # Ultralytics: images/train/1.jpg beside labels/train/1.txt; the split is no class
                parents = parents[: parents.index("images")]
            band = parents.pop(0) if parents and parents[0] in names else NO_BAND
            rows.append((path.relative_to(folder).as_posix(), band, parents[0] if parents else None))
    return rows


def _from_table(folder: Path, table: Path, bands: Sequence[LightBand]) -> list[Row]:
    if table.stat().st_size > MAX_CSV_BYTES:
        raise BuildError(f"{table}: is over {MAX_CSV_BYTES >> 20} MiB, split the folder")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header = [name or "" for name in reader.fieldnames or []]
            odd = [f"column {name!r} is not known" for name in header if name not in COLUMNS]
            if odd or "file" not in header:
                wrong = odd[0] if "file" in header else "has no column 'file'"
                raise BuildError(f"{table}:1: {wrong}, the columns are {', '.join(COLUMNS)}")
            return [_row(folder, f"{table}:{reader.line_num}", row, bands) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BuildError(f"{table}: is no CSV text ({error}), write it as UTF-8 with a header line") from None


def _row(folder: Path, where: str, row: dict[str | Any, str | Any], bands: Sequence[LightBand]) -> Row:
    name, label, band, lux = ((row.get(column) or "").strip() for column in COLUMNS)
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts:
        raise BuildError(f"{where}: file {name!r} is not inside the folder, give a path relative to {folder.name}/")
    if not (folder / pure).is_file():
        raise BuildError(f"{where}: file {name} does not exist, correct the row or remove it")
    names = [item.name for item in bands]
    if band and band not in names:
        raise BuildError(f"{where}: band {band!r} is not in the policy, it has {', '.join(names)}")
    return name, band or (_band_of_words(where, lux, bands) if lux else NO_BAND), label or None


def _band_of_words(where: str, lux: str, bands: Sequence[LightBand]) -> str:
    try:
        value = float(lux)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 200_000:
        raise BuildError(f"{where}: lux {lux!r} is no illuminance, a number from 0 to 200000 is needed")
    return band_of(value, bands)


def _unique(folder: Path, rows: list[Row]) -> Dataset:
    """Copies of one picture are one picture: a thousand copies prove nothing more."""
    seen: dict[str, LabelledImage] = {}
    for name, band, label in rows:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        seen.setdefault(digest, LabelledImage(folder / name, name, band, label, digest))
    copies = len(rows) - len(seen)
    notes = [f"{copies} pictures are copies of others and were left out"] if copies else []
    if all(sample.band == NO_BAND for sample in seen.values()):
        notes.append("no light is given for any picture (labels.csv, folders by band, or --band): nothing is proven for a band")
    return Dataset(folder, tuple(seen.values()), tuple(notes))
