"""Seeds the process's global random generators for libraries that draw from them, one by one."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_DRAWING = threading.Lock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python's and numpy's global generators, and keep other threads from them meanwhile.

    All libraries share one lock, because the draws of one must not depend on another one's calls.
    """
    import numpy

    with _DRAWING:
        random.seed(seed)
        numpy.random.seed(seed)
        yield
