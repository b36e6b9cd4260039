"""The driver's graph calls over ctypes, on a small C library that checks what it is handed: no GPU is needed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adaptd.engine import cuda_graph
from adaptd.engine.cuda_driver import Driver
from adaptd.engine.errors import BackendMissing, EngineFault

STREAM = 0x7F00_1234_5678
SOURCE = """
#include <stddef.h>
static int launched, refuse;
int cuStreamBeginCapture_v2(void *s, int mode) { return s == (void *)0x7F0012345678 && mode == 1 ? 0 : 1; }
int cuStreamEndCapture(void *s, void **g) { *g = (void *)0x7F00AAAA0000; return s == (void *)0x7F0012345678 ? 0 : 1; }
int cuGraphInstantiateWithFlags(void **e, void *g, unsigned long long flags) {
    *e = (void *)0x7F00BBBB0000; return refuse ? 901 : g == (void *)0x7F00AAAA0000 && !flags ? 0 : 1; }
int cuGraphLaunch(void *e, void *s) {
    launched += e == (void *)0x7F00BBBB0000 && s == (void *)0x7F0012345678; return refuse ? 700 : 0; }
int cuGraphExecDestroy(void *e) { return e == (void *)0x7F00BBBB0000 ? 0 : 1; }
int cuGraphDestroy(void *g) { return g == (void *)0x7F00AAAA0000 ? 0 : 1; }
int cuGetErrorName(int error, const char **name) {
    *name = error == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_OTHER"; return 0; }
int count(void) { return launched; }
void fail(void) { refuse = 1; }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, compiled here."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(folder / "libdriver.so"), str(folder / "driver.c")], check=True)
    return folder / "libdriver.so"


@pytest.fixture
def driver(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """A driver of its own for each test: the loader keeps one state a file."""
    made = Driver(str(shutil.copy(library, tmp_path / "libdriver.so")))
    monkeypatch.setattr(cuda_graph, "import_driver", lambda: made)
    return made


def test_pointers_arrive_whole_and_answers_come_back_error_first(driver: Driver) -> None:
    """64-bit handles pass unclipped through begin, end, instantiate, launch and destroy, as with cuda-bindings."""
    stream = driver.CUstream(STREAM)
    assert driver.cuStreamBeginCapture(stream, driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) == (0,)
    ended, graph = driver.cuStreamEndCapture(stream)
    made, executable = driver.cuGraphInstantiate(graph, 0)
    assert (ended, made) == (0, 0)
    assert driver.cuGraphLaunch(executable, stream) == (0,)
    assert (driver.cuGraphExecDestroy(executable), driver.cuGraphDestroy(graph)) == ((0,), (0,))
    assert driver.cuGraphLaunch(graph, stream) == (0,)
    assert driver.cuGetErrorName(700) == (0, b"CUDA_ERROR_ILLEGAL_ADDRESS")


def test_a_captured_graph_is_launched_by_the_driver(driver: Driver, tmp_path: Path) -> None:
    """``capture`` works on it as on cuda-bindings, and every launch reaches the library."""
    import ctypes

    graph = cuda_graph.capture(STREAM, lambda: None)
    graph.launch()
    graph.launch()
    library = ctypes.CDLL(str(tmp_path / "libdriver.so"))
    assert library.count() == 2
    library.fail()
    with pytest.raises(EngineFault, match="CUDA_ERROR_ILLEGAL_ADDRESS"):
        graph.launch()
    graph.free()
    with pytest.raises(EngineFault, match="instantiate failed: CUDA_ERROR_OTHER"):
        cuda_graph.capture(STREAM, lambda: None)
    assert driver is cuda_graph.import_driver()


def test_without_a_driver_the_line_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither cuda-bindings nor libcuda: plain enqueue, and why."""
    for name in ("cuda", "cuda.bindings", "cuda.cuda"):  # where they are, other tests have imported them
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(cuda_graph, "Driver", lambda: Driver("libno-such-driver.so"))
    cuda_graph.plain_driver.cache_clear()
    with pytest.raises(BackendMissing, match="no CUDA graphs"):
        cuda_graph.import_driver()
    cuda_graph.plain_driver.cache_clear()
