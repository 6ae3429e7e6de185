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
    Afterwards both generators continue as before: processes that asked for the same seed must not
    choose the same pauses and ports.
    """
    import numpy

    with _DRAWING:
        before, numpy_before = random.getstate(), numpy.random.get_state()
        random.seed(seed)
        numpy.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(before)
            numpy.random.set_state(numpy_before)
