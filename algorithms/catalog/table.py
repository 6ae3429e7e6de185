"""The built-in algorithms and stopping rules: what may be asked of them, without importing one."""

from algorithms.catalog.entry import Entry
from algorithms.hyperopt import entries as hyperopt
from algorithms.optuna import entries as optuna
from algorithms.own import entries as own
from algorithms.ray import entries as ray
from algorithms.stopping import entries as stopping

TABLE: dict[str, Entry] = {
    row.name: row for row in (*own.ROWS, *optuna.ROWS, *hyperopt.ROWS, *ray.ROWS)
}
"""What `hpo_algorithm` may name."""

RULES: dict[str, Entry] = {row.name: row for row in stopping.ROWS}
"""What `early_stopping` may name."""
