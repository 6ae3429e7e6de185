"""Train a model, and log its loss."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--layers", type=int)
parser.add_argument("--optimizer")
config = parser.parse_args()

for epoch in range(1, 11):
    loss = abs(config.lr - 0.01) + config.layers / (10 * epoch)
    print(f"step={epoch} loss={loss}", flush=True)
