"""One thread for every computation, so that its numbers do not depend on the caller's setting.

How many threads PyTorch has decides in which order it adds, and with that the last bits of sums;
training makes different networks of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside, and leave the caller's setting as it was."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def on_one_thread(items: Iterator[Item]) -> Iterator[Item]:
    """`items`, each computed on one thread; between two of them the caller's setting holds."""
    while True:
        with one_thread():
            try:
                item = next(items)
            except StopIteration:
                return
        yield item
