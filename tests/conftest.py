import sys

import pytest

from gradviz import language


@pytest.fixture(autouse=True)
def english_again():
    """What a test sets must not be what the next one finds."""
    yield
    language.use(language.DEFAULT)


@pytest.fixture(scope="module")
def one_core():
    """Test processes that each take all cores for small matrices only wait on each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytest_sessionfinish():
    """Stop what still trains in the background: PyTorch aborts a process that ends within it."""
    runs = sys.modules.get("gradviz.runs")
    for run in list(runs._POOL._known.values()) if runs else ():
        run._stop.set()
        run.wait(20)
