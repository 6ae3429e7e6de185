"""Libraries that draw from the generators of the whole process, one at a time."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_DRAWING = threading.Lock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python's and numpy's generators, and keep other threads' libraries from them meanwhile.

    One lock for all libraries: what one draws must not depend on whether another is asked too.
    """
    import numpy

    with _DRAWING:
        random.seed(seed)
        numpy.random.seed(seed)
        yield
