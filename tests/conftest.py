import pytest


@pytest.fixture(scope="module")
def one_core():
    """Test processes that each take all cores for small matrices only wait on each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
