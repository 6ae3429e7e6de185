"""By what a request that is sent again with its idempotency key is known to be the same.

Made from what stands in the log, so that logs of any age have them.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from tunelet.core.trial import Assignment


def of_submit(spec: dict[str, Any]) -> str:
    """Of a spec, but for how many trials the experiments of `warm_start` had when it was sent."""
    sources = [each["name"] for each in spec.get("warm_start", ())]
    return _digest({**spec, "warm_start": sources})


def of_enqueue(assignments: Sequence[Assignment]) -> str:
    """Of the trials to enqueue."""
    return _digest(list(assignments))


def _digest(request: Any) -> str:
    return sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()[:32]
