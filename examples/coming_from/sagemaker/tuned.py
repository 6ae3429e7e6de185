"""Start a search, wait for its end, and show the best hyperparameters."""

import json
from pathlib import Path
from tunelet import Client

request = json.loads(Path("request.json").read_text())
experiment = Client().submit(request)
found = experiment.wait()
print(found.best.hyperparameters)
