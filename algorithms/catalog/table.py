"""The entries of all built-in algorithms and stopping rules. Imports none of them."""

from algorithms.catalog.entry import Entry
from algorithms.hyperopt import entries as hyperopt
from algorithms.optuna import entries as optuna
from algorithms.own import entries as own
from algorithms.ray import entries as ray
from algorithms.stopping import entries as stopping

TABLE: dict[str, Entry] = {
    row.name: row for row in (*own.ROWS, *optuna.ROWS, *hyperopt.ROWS, *ray.ROWS)
}
"""The algorithms, which `hpo_algorithm` names."""

RULES: dict[str, Entry] = {row.name: row for row in stopping.ROWS}
"""The stopping rules, which `early_stopping` names."""
