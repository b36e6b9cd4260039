"""Ranges of activations: the histogram, and what each method makes of it."""

import numpy as np

from adaptd.bundle_build.model.ranges import (
    HALF,
    METHODS,
    Range,
    Spread,
    collect,
    entropy,
    minmax,
    percentile,
    ranges_of,
)


def spread_of(*parts: np.ndarray) -> Spread:
    """The spread after these tensors, one picture each."""
    spread = Spread()
    for part in parts:
        spread.add(part.astype(np.float32))
    return spread


def test_the_histogram_grows_without_losing_a_count() -> None:
    """Values that come later and reach further merge bins in pairs; sums and the place of zero stay."""
    rng = np.random.default_rng(0)
    parts = [rng.normal(0, scale, 5000) for scale in (0.1, 1, 20)]
    spread = spread_of(*parts)
    assert spread.counts.sum() == 15000
    assert spread.reach == 2.0 ** np.ceil(np.log2(max(np.abs(part).max() for part in parts)))
    negative = sum(int((part < 0).sum()) for part in parts)
    assert abs(int(spread.counts[:HALF].sum()) - negative) <= 150


def test_extremes_are_exact_even_where_the_histogram_samples() -> None:
    """One large value among a million is not overlooked."""
    values = np.zeros(1_000_000, np.float32)
    values[777_777] = 42.5
    assert minmax(spread_of(values)) == Range(0.0, 42.5)


def test_one_order_of_pictures_gives_the_ranges_of_any() -> None:
    """The ranges depend on the pictures, not on their order."""
    rng = np.random.default_rng(1)
    parts = [rng.normal(0, scale, 3000) for scale in (0.5, 3, 1)]
    first, second = spread_of(*parts), spread_of(*parts[::-1])
    for method in ("minmax", "percentile", "entropy"):
        assert ranges_of({"x": first}, method) == ranges_of({"x": second}, method)


def test_the_percentile_clips_outliers_and_forgets_zeros() -> None:
    """A rectified tensor with three giants among 400,000 is cut near its bulk; its zeros take no part."""
    rng = np.random.default_rng(2)
    bulk = [np.maximum(rng.normal(0, 1, 50_000), 0) for _ in range(8)]
    span = percentile(spread_of(*bulk, np.full(3, 1000.0)))
    assert span.low == 0.0
    assert 3.0 < span.high < 6.0


def test_entropy_clips_a_long_thin_tail() -> None:
    """Far outliers are given up for resolution where the mass is; a compact distribution is kept whole."""
    rng = np.random.default_rng(3)
    heavy = np.append(rng.normal(0, 1, 60_000), [60.0, -60.0])
    assert entropy(spread_of(heavy)).high < 20
    compact = rng.uniform(-1, 1, 60_000)
    assert entropy(spread_of(compact)).high > 0.97


def test_every_range_holds_zero_and_no_more_than_was_seen() -> None:
    """Zero is always representable, and no method widens what minmax saw."""
    rng = np.random.default_rng(4)
    for values in (rng.normal(5, 1, 4000), rng.normal(-5, 1, 4000), np.zeros(100), np.full(100, 3.0)):
        spread = spread_of(values)
        whole = minmax(spread)
        for method in METHODS:
            span = ranges_of({"x": spread}, method)["x"]
            assert whole.low <= span.low <= 0 <= span.high <= whole.high + 1e-6


def test_collecting_keeps_tensors_apart() -> None:
    """Each tensor has its own spread."""
    spreads: dict[str, Spread] = {}
    collect(spreads, {"a": np.ones(4, np.float32), "b": np.full(4, -7, np.float32)})
    collect(spreads, {"a": np.full(4, 2, np.float32)})
    assert (spreads["a"].high, spreads["b"].low) == (2.0, -7.0)
