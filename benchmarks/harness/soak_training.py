"""The training of `soak`: prints and pushes its values, and records acknowledged ones in a file."""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

STEPS = 400
REST = "rest"
"""The file in the register that makes trainings stop sending."""


def main(register: Path) -> None:
    """Push as fast as the answers come, and record each acknowledged step."""
    e = os.environ
    trial = f"{e['TUNELET_EXPERIMENT']}/trials/{e['TUNELET_TRIAL']}"
    url = f"{e['TUNELET_API_URL']}/api/experiments/{trial}/reports"
    headers = {
        "Authorization": f"Bearer {e['TUNELET_TRIAL_TOKEN']}",
        "Content-Type": "application/json",
    }
    name = f"{e['TUNELET_EXPERIMENT']}-{e['TUNELET_TRIAL']}-{e['TUNELET_ATTEMPT']}"
    with (register / name).open("w", buffering=1) as taken:
        for step in range(STEPS):
            while (register / REST).exists():
                time.sleep(1.0)
            print(f"step={step} objective={step / STEPS}", flush=True)
            data = json.dumps({"step": step, "values": {"pushed": step}}).encode()
            try:
                request = urllib.request.Request(url, data, headers)
                with urllib.request.urlopen(request, timeout=10):
                    taken.write(f"{step}\n")
            except OSError:
                time.sleep(0.2)  # the service was killed, or is too busy


if __name__ == "__main__":
    main(Path(sys.argv[1]))
