"""Folders of pictures: light, class, and each picture once."""

from pathlib import Path

import pytest

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.data.images import band_of, missing_bands, scan, scan_all
from adaptd.bundle_build.data.pictures import PRESETS, Pictures, class_names, read_labels, unreadable_note
from adaptd.bundle_build.model.calibrate import choose, set_digest
from adaptd.config.policy import Policy
from tests.bundle_build.pictures import fill


def _table(folder: Path, text: str) -> Path:
    (folder / "labels.csv").write_text(text)
    return folder


def test_folders_by_band_and_class_say_both(tmp_path: Path, policy: Policy) -> None:
    """BAND/CLASS/ gives light and label; the order is that of the names."""
    dataset = scan(fill(tmp_path, each=2), policy.bands)
    assert dataset.bands == ("bright", "dim", "night")
    assert dataset.labels == ("a", "b", "c")
    assert [sample.name for sample in dataset.samples] == sorted(sample.name for sample in dataset.samples)
    assert not dataset.notes


def test_folders_by_class_alone_leave_the_light_unknown(tmp_path: Path, policy: Policy) -> None:
    """Without any word on light nothing is proven for a band, and that is said; --band declares it."""
    folder = fill(tmp_path, each=2) / "bright"
    dataset = scan(folder, policy.bands)
    assert (dataset.bands, dataset.labels) == (("all",), ("a", "b", "c"))
    assert "nothing is proven for a band" in dataset.notes[0]
    assert scan(folder, policy.bands, "dim").bands == ("dim",)


def test_a_table_gives_class_band_or_lux(tmp_path: Path, policy: Policy) -> None:
    """labels.csv wins over folders; lux finds its band, the darker one where two overlap."""
    folder = _table(
        fill(tmp_path, each=1), "file,class,band,lux\nbright/a/0.png,eating,night,\ndim/b/0.png,empty,,12\nnight/c/0.png,,,900\n"
    )
    seen = {sample.name: (sample.label, sample.band) for sample in scan(folder, policy.bands).samples}
    assert seen == {"bright/a/0.png": ("eating", "night"), "dim/b/0.png": ("empty", "night"), "night/c/0.png": (None, "bright")}
    assert [band_of(lux, policy.bands) for lux in (0, 14.9, 15, 249, 250, 1e5)] == [
        "night",
        "night",
        "dim",
        "dim",
        "bright",
        "bright",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,class\nx.png,a\n", "labels.csv:1: has no column 'file'"),
        ("file,weather\n", "column 'weather' is not known"),
        ("file\n../secret.png\n", "labels.csv:2: file '../secret.png' is not inside the folder"),
        ("file\n/etc/passwd\n", "is not inside the folder"),
        ("file\n\nbright/a/9.png\n", "bright/a/9.png does not exist"),
        ("file,band\nbright/a/0.png,dusk\n", "band 'dusk' is not in the policy, it has night, dim, bright"),
        ("file,lux\nbright/a/0.png,-3\n", "lux '-3' is no illuminance"),
        ("file,lux\nbright/a/0.png,nan\n", "lux 'nan' is no illuminance"),
        ("file,lux\nbright/a/0.png,bright\n", "lux 'bright' is no illuminance"),
        ("file\n", "holds no pictures"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(text: str, words: str, tmp_path: Path, policy: Policy) -> None:
    """Every wrong row names the file, the line and the remedy."""
    with pytest.raises(BuildError, match=words):
        scan(_table(fill(tmp_path, each=1), text), policy.bands)


def test_a_table_that_is_no_text_is_refused(tmp_path: Path, policy: Policy) -> None:
    """Bytes that are not UTF-8 give one line."""
    (tmp_path / "labels.csv").write_bytes(b"file\n\xff\xfe\x00\n")
    with pytest.raises(BuildError, match="is no CSV text"):
        scan(tmp_path, policy.bands)


def test_a_folder_that_is_none_or_empty_is_refused(tmp_path: Path, policy: Policy) -> None:
    """No folder and no pictures are told apart."""
    with pytest.raises(BuildError, match="is no folder"):
        scan(tmp_path / "nowhere", policy.bands)
    with pytest.raises(BuildError, match="holds no pictures"):
        scan(tmp_path, policy.bands)


def test_copies_of_a_picture_count_once(tmp_path: Path, policy: Policy) -> None:
    """A thousand copies prove no more than one picture."""
    folder = fill(tmp_path, each=1)
    for number in range(5):
        (folder / "bright" / "a" / f"copy{number}.png").write_bytes((folder / "bright" / "a" / "0.png").read_bytes())
    dataset = scan(folder, policy.bands)
    assert len(dataset.samples) == 9
    assert "5 pictures are copies" in dataset.notes[0]


def test_missing_light_is_named(tmp_path: Path, policy: Policy) -> None:
    """The bands with too few pictures are listed with their counts."""
    dataset = scan(fill(tmp_path, each=8, bands=("bright", "dim")), policy.bands)
    assert missing_bands(dataset, policy.bands, 20) == ["night (0)"]


def test_the_choice_covers_bands_and_classes_alike_and_repeats(tmp_path: Path, policy: Policy) -> None:
    """Every band and class takes its turn, held-out pictures are others, half of a large folder is left, twice the same."""
    dataset = scan(fill(tmp_path, each=30), policy.bands)
    choice = choose(dataset, 300)
    assert choice == choose(dataset, 300)
    taken = {sample.sha256 for sample in choice.calibration} | {sample.sha256 for sample in choice.held_out}
    assert len(taken) == len(choice.calibration) + len(choice.held_out) == 135
    counts = [sum(sample.band == band for sample in choice.calibration) for band in dataset.bands]
    assert max(counts) - min(counts) <= 3
    assert set_digest(choice.calibration) == set_digest(choice.calibration[::-1])
    assert not choice.notes


def test_too_few_pictures_are_said(tmp_path: Path, policy: Policy) -> None:
    """Fewer than 100 pictures calibrate with a warning, a single one even judges itself."""
    assert "only 9 pictures" in choose(scan(fill(tmp_path / "few", each=1), policy.bands)).notes[0]
    single = fill(tmp_path / "one", each=1, bands=("bright",))
    for label in ("b", "c"):
        (single / "bright" / label / "0.png").unlink()
    choice = choose(scan(single, policy.bands))
    assert choice.held_out == choice.calibration
    assert "judged on its own pictures" in choice.notes[1]


def test_pictures_that_cannot_be_read_are_left_out_and_named(tmp_path: Path, policy: Policy) -> None:
    """A torn file is skipped with a note; when nothing can be read the work stops."""
    folder = fill(tmp_path, each=1, bands=("bright",))
    (folder / "bright" / "a" / "0.png").write_bytes(b"\x89PNG torn")
    pictures = Pictures(scan(folder, policy.bands).samples, PRESETS["unit"].words((32, 32)))
    assert len(list(pictures)) == 2
    assert unreadable_note(pictures) == ["1 pictures cannot be read and were left out (bright/a/0.png first)"]
    for label in ("b", "c"):
        (folder / "bright" / label / "0.png").write_bytes(label.encode())
    pictures = Pictures(scan(folder, policy.bands).samples, PRESETS["unit"].words((32, 32)))
    assert not list(pictures)
    with pytest.raises(BuildError, match="none of the 3 pictures can be read"):
        unreadable_note(pictures)


def test_class_names_come_from_file_folders_or_numbers(tmp_path: Path) -> None:
    """Declared names win, folders serve when their number fits, else classes are numbered; bad lists are refused."""
    path = tmp_path / "names.txt"
    path.write_text("cat\n\ndog\n")
    assert class_names(read_labels(path), ("x", "y"), 2) == ("cat", "dog")
    assert class_names(None, ("x", "y"), 2) == ("x", "y")
    assert class_names(None, ("x",), 2) == ("class0", "class1")
    for text in (b"", b"cat\ncat\n", b"\xff\xfe"):
        path.write_bytes(text)
        with pytest.raises(BuildError, match="one class name a line"):
            read_labels(path)


def test_several_folders_are_one_dataset(tmp_path: Path, policy: Policy) -> None:
    """A picture that lies in two folders counts once, and equal names in two folders stay two pictures."""
    first, second = fill(tmp_path / "one", each=2), fill(tmp_path / "two", each=2, seed=9)
    (second / "bright" / "a" / "same.png").write_bytes((first / "bright" / "a" / "0.png").read_bytes())
    dataset = scan_all([first, second], policy.bands)
    assert len(dataset.samples) == 36
    assert dataset.notes == ("1 pictures lie in more than one folder and count once",)
    assert len(list(Pictures(dataset.samples, PRESETS["unit"].words((32, 32))))) == 36
    assert scan_all([first], policy.bands) == scan(first, policy.bands)
