"""Lists all experiments as the page does, in a separate process.

`python -m benchmarks.harness.listing URL` prints one JSON object: the seconds and requests to the
store of the first page and of all, at first and again. All imports are done before.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

PAGE = 200
"""The size of the page's pages."""


def listed(url: str) -> dict[str, float]:
    from adapters.launchers.memory import MemoryLauncher
    from adapters.storage import open_store
    from algorithms import load_catalog
    from benchmarks.harness.counting import Counting
    from functions.api.documents import overview_json
    from functions.events.outbox import Nowhere
    from functions.http import json_answer
    from tunelet.assembly import assembled

    store = Counting(open_store(url))
    parts: Any = (store, MemoryLauncher(), load_catalog(), Nowhere())
    service = assembled(*parts, secret=bytes(16), api_url="http://127.0.0.1:1")

    def pages() -> Iterator[int]:
        after: str | None = ""
        while after is not None:
            found, after = service.overview("default", after, PAGE)
            json_answer({"experiments": [overview_json(each) for each in found]})
            yield len(found)

    figures: dict[str, float] = {}
    for time_ in ("first", "again"):
        began, calls, count = time.perf_counter(), sum(store.calls.values()), 0
        for size in pages():
            count += size
            if count == size:
                figures[f"{time_}_page_s"] = time.perf_counter() - began
        figures[f"{time_}_all_s"] = time.perf_counter() - began
        figures[f"{time_}_requests"] = sum(store.calls.values()) - calls
    return {"experiments": count, **figures}


if __name__ == "__main__":
    print(json.dumps(listed(sys.argv[1])))
