"""Three hundred bad policies in fifteen classes of twenty, each one mistake in the shipped feeder policy."""

from tests.conftest import ROOT

GOOD = (ROOT / "policies" / "feeder.yaml").read_text()

NUMBERS = (
    ("frame_value_mj", "500"), ("target_fps", "15"), ("floor_fps", "5"), ("deadline_ms", "66"), ("max_loss_points", "0.5"),
    ("confidence_pct", "99"), ("shadow_pct", "2"), ("limit_c", "85"), ("resume_c", "80"), ("critical_c", "95"),
    ("budget_w", "12"), ("efficient", "600"), ("reduced_rate", "300"), ("stale_after_s", "3"),
)  # fmt: skip
LUX = (("up_at_lux", "15"), ("down_at_lux", "8"), ("up_at_lux", "250"), ("down_at_lux", "150"))
KEYS = (
    "policy", "schema", "reference", "efficient", "objective", "frame_rate", "deadline_ms", "accuracy", "thermal", "light",
    "on_conflict", "lease_s", "sensors", "frame_value_mj", "target_fps", "floor_fps", "max_loss_points", "shadow_pct",
    "confidence_pct", "limit_c",
)  # fmt: skip


def swap(before: str, after: str) -> str:
    """The good policy with one passage changed; the passage must be there."""
    assert before in GOOD, before
    return GOOD.replace(before, after, 1)


def number(key: str, value: str, wrong: str) -> str:
    """The good policy with one number replaced."""
    return swap(f"{key}: {value}", f"{key}: {wrong}")


def _numbers(*wrongs: str) -> list[str]:
    every = (*NUMBERS, *LUX)
    return [number(*every[index % len(every)], wrongs[index // len(every) % len(wrongs)]) for index in range(20)]


def _mixed(wrongs: list[str]) -> list[str]:
    every = (*NUMBERS, *LUX)
    return [number(*every[index % len(every)], wrongs[index % len(wrongs)]) for index in range(20)]


def _misspelt() -> list[str]:
    return [swap(f"{key}:", f"{key[:-1]}{key[-1]}x:") for key in KEYS]


def _doubled() -> list[str]:
    whole = [f"\n{line}\n" for line in GOOD.splitlines() if line and line[0].isalpha()]
    tops = [GOOD + line.strip("\n") + "\n" for line in whole if not line.strip().endswith(":")]
    return (
        tops
        + [number(key, value, f"{value}, {key}: {value}") for key, value in NUMBERS if f"{{{key}" in GOOD or f" {key}" in GOOD]
    )[:20]


def _missing() -> list[str]:
    lines = GOOD.splitlines(keepends=True)
    found = [GOOD.replace(line, "", 1) for line in lines if line.strip() and not line.startswith("#")]
    cut = [swap("target_fps: 15, ", ""), swap(", floor_fps: 5", ""), swap("{budget_w: 12}", "{window_s: 60}")]
    cut += [swap("limit_c: 85, ", ""), swap("resume_c: 80, ", ""), swap(", critical_c: 95", ""), swap("efficient: 600, ", "")]
    keep = [text for text in found if "budget_w" in text and "name: dim" in text and "# A pet" in text]
    return (cut + keep)[:20]


def _bands() -> list[str]:
    night, dim, bright = (
        "{name: night, up_at_lux: 15}",
        "{name: dim, down_at_lux: 8, up_at_lux: 250}",
        "{name: bright, down_at_lux: 150}",
    )
    return [
        swap(night, "{name: night}"), swap(night, "{name: night, up_at_lux: 8}"), swap(night, "{name: night, up_at_lux: 5}"),
        swap(night, "{name: night, down_at_lux: 1, up_at_lux: 15}"), swap(night, "{up_at_lux: 15}"), swap(night, "{name: dim, up_at_lux: 15}"),
        swap(dim, "{name: dim, down_at_lux: 8}"), swap(dim, "{name: dim, up_at_lux: 250}"), swap(dim, "{name: dim, down_at_lux: 250, up_at_lux: 250}"),
        swap(dim, "{name: dim, down_at_lux: 300, up_at_lux: 250}"), swap(dim, "{name: dim, down_at_lux: 15, up_at_lux: 250}"),
        swap(dim, "{name: dim, down_at_lux: 8, up_at_lux: 100}"), swap(dim, "{name: bright, down_at_lux: 8, up_at_lux: 250}"),
        swap(dim, "{name: dim, down_at_lux: 0, up_at_lux: 250}"), swap(bright, "{name: bright}"), swap(bright, "{name: bright, down_at_lux: 250}"),
        swap(bright, "{name: bright, down_at_lux: 400}"), swap(bright, "{name: bright, down_at_lux: 150, up_at_lux: 900}"),
        swap(bright, "bright"), swap(f"    - {night}\n    - {dim}\n    - {bright}\n", "    []\n"),
    ]  # fmt: skip


def _rates() -> list[str]:
    rate = "{target_fps: 15, floor_fps: 5}"
    wrong = [
        (16, 5, "5, 8, 10, 15"), (15, 4, "5, 8, 10, 15"), (5, 15, "5, 8, 10, 15"), (8, 10, "5, 8, 10, 15"), (15, 5, ""), (15, 5, "5"),
        (15, 5, "15"), (15, 5, "5, 5, 15"), (15, 5, "5, 15, 15"), (15, 5, "0, 5, 15"), (15, 5, "-5, 5, 15"), (15, 5, "5, 15, 2000"),
        (15, 5, "5, fast, 15"), (15, 5, "5, true, 15"), (0, 5, "5, 15"), (15, 0, "5, 15"), (2000, 5, "5, 2000"), (15, 5, "[5, 15]"),
        (15, 5, "5, 8.5"), (-15, 5, "5, 15"),
    ]  # fmt: skip
    return [swap(rate, f"{{target_fps: {t}, floor_fps: {f}, levels_fps: [{levels}]}}") for t, f, levels in wrong]


def _thermal() -> list[str]:
    whole = "{limit_c: 85, resume_c: 80, critical_c: 95}"
    wrong = [
        (85, 85, 95), (85, 86, 95), (85, 80, 85), (85, 80, 84), (95, 80, 95), (96, 80, 95), (200, 80, 95), (85, -80, 95), (85, 80, 300),
        (80, 85, 95), (85, 95, 96), (-41, -45, 95), (85, 80, 80), (85, 84.9999999, 84), (50, 60, 70), (151, 80, 152), (90, 91, 92),
        (85, 80, -1), (0, 0, 0), (30, 30.0, 31),
    ]  # fmt: skip
    return [swap(whole, f"{{limit_c: {a}, resume_c: {b}, critical_c: {c}}}") for a, b, c in wrong]


def _names() -> list[str]:
    return [
        swap("reference: fp16", "reference: int8"), swap("reference: fp16", "reference: ../fp16"), swap("reference: fp16", "reference: ''"),
        swap("reference: fp16", "reference: [fp16]"), swap("reference: fp16", "reference: 16"), GOOD + "modes: [15W, 15W]\n",
        swap("efficient: [int8]", "efficient: [fp16]"), swap("efficient: [int8]", "efficient: int8"), swap("efficient: [int8]", "efficient: [int8, int8]"),
        swap("efficient: [int8]", "efficient: [8]"), swap("efficient: [int8]", "efficient: [a/b]"), swap("policy: feeder", "policy: 12"),
        swap("policy: feeder", "policy: /etc/passwd"), swap("policy: feeder", f"policy: {'x' * 65}"), swap("policy: feeder", "policy: null"),
        swap("schema: 1", "schema: 2"), swap("schema: 1", "schema: one"), swap("schema: 1", "schema: 1.5"),
        swap("on_conflict: protect_device", "on_conflict: protect"), swap("on_conflict: protect_device", "on_conflict: true"),
    ]  # fmt: skip


def _aliases() -> list[str]:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{c}: &{c} [{','.join('*' + chr(ord(c) - 1) for _ in range(9))}]\n" for c in "bcdefg"
    )
    marks = [number(key, value, f"&m {value}") for key, value in NUMBERS[:7]]
    tags = [number(key, value, f"!!float {value}") for key, value in NUMBERS[7:]]
    return [bomb + GOOD, GOOD + bomb, swap("deadline_ms: 66", "deadline_ms: *m"), GOOD + "<<: {a: 1}\n", GOOD + "? [1]\n: 2\n", GOOD + "!!python/object:os.system x: 1\n", *marks, *tags][:20]  # fmt: skip


def _layout() -> list[str]:
    deep = ["light: " + "[" * depth + "]" * depth + "\n" for depth in (9, 20, 100, 1000, 3000)]
    texts = [
        "",
        "[]\n",
        "policy\n",
        "- policy: feeder\n",
        "{",
        "a: b: c\n",
        "'",
        '"',
        "%YAML 9\n---\n",
        "a:\n\tb: 1\n",
        "\t\n" + GOOD,
        "key: |\n",
    ]
    return [
        *(GOOD + text for text in deep),
        *texts,
        GOOD + "---\n" + GOOD,
        GOOD + "...\n---\na: 1\n",
        GOOD.replace("\n  max_loss", "\n\tmax_loss", 1),
    ]


def _bytes() -> list[str]:
    return [
        *(GOOD.replace("feeder", f"fee{chr(code)}der", 1) for code in (0, 1, 2, 7, 8, 11, 27, 127)),
        *(GOOD + "#" * size for size in (65_536, 70_000, 100_000, 1_000_000)),
        *(GOOD + f"x{index}: 1\n" for index in range(4)),
        "\ufeff" + GOOD.replace("schema: 1", "schema: 3"), "\x00" * 10, "\udcff" + GOOD, GOOD + "\udc80",
    ]  # fmt: skip


CLASSES: dict[str, list[str]] = {
    "not finite": _mixed([".nan", ".inf", "-.inf", "1e999", "nan", "inf"]),
    "not a number": _mixed(["soon", "off", "true", "null", "[1]", "{a: 1}", "''", "0x10", "1_000", "12:30:45"]),
    "units written out": _mixed(["0.5%", "66ms", "85C", "12W", "3s", "5 fps", "10 lux"]),
    "out of range": _mixed(["-77", "-99.5", "99999999", "123456789012"]),
    "too long": _numbers("9" * 19, "9" * 400),
    "unknown key": _misspelt(),
    "twice": _doubled(),
    "missing key": _missing(),
    "bands": _bands(),
    "rates": _rates(),
    "thermal": _thermal(),
    "names": _names(),
    "anchors and tags": _aliases(),
    "layout": _layout(),
    "bytes": _bytes(),
}
