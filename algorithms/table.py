"""The built-in algorithms and stopping rules: what may be asked of them, without importing one."""

from algorithms.hyperopt import rows as hyperopt
from algorithms.optuna import rows as optuna
from algorithms.own import rows as own
from algorithms.ray import rows as ray
from algorithms.row import Row
from algorithms.stopping import rows as stopping

TABLE: dict[str, Row] = {
    row.name: row for row in (*own.ROWS, *optuna.ROWS, *hyperopt.ROWS, *ray.ROWS)
}
"""What `hpo_algorithm` may name."""

RULES: dict[str, Row] = {row.name: row for row in stopping.ROWS}
"""What `early_stopping` may name."""
