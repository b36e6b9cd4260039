"""A day at one decision a second fits what the design promises, on the disk and in the wear of the device."""

from pathlib import Path

from adaptd.log.verify.reader import iter_records
from tests.log.simdisk import SimDisk
from tests.log.workload import Run


def test_a_day_at_one_hertz_is_thirty_megabytes_or_less(tmp_path: Path) -> None:
    """Half an hour of changing heat, light and load, with everything the log adds, stays under 347 bytes a decision."""
    disk = SimDisk()
    run = Run(tmp_path, store=disk.store())
    config = run.ledger.heads.seq
    run.ticks(1800)
    run.close()
    folder = disk.write_to(tmp_path / "log")
    lines = [line for path in sorted(folder.glob("*.log")) for line in path.read_bytes().split(b"\n") if line]
    counted = sum(len(line) + 1 for line in lines[config + 1 :])  # the configuration comes once every 8 MiB
    decisions = sum(record["kind"] == "decision" for record in iter_records(folder))
    assert decisions == 1800
    assert counted / decisions <= 347


def test_the_billed_wear_of_a_day_keeps_to_the_budget(tmp_path: Path) -> None:
    """Half an hour bills no more than its share of 80 MB a day plus what the bucket may hold at the start."""
    disk = SimDisk()
    run = Run(tmp_path, store=disk.store())
    begun = run.ledger.written_bytes
    run.ticks(1800)
    assert run.ledger.written_bytes - begun <= 80_000_000 * 1800 / 86_400 + 80_000_000 / 24 / 8 + 300_000
    assert not run.ledger.over_budget
