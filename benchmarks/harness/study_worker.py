"""One of several processes that share a study: `study_worker STORAGE PLACE STUDY TRIALS`.

It writes a line once it is ready, and begins when it reads one.
"""

import sys
from collections.abc import Callable

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from adapters.optuna.storage import TuneletStorage

STORAGES: dict[str, Callable[[str], BaseStorage]] = {
    "tunelet": lambda folder: TuneletStorage(f"{folder}/store"),
    "tunelet_service": TuneletStorage,
    "optuna_sqlite": lambda folder: RDBStorage(
        f"sqlite:///{folder}/study.db",
        # With the default, 5 s, some of eight processes give up.
        engine_kwargs={"connect_args": {"timeout": 120}},
    ),
    "optuna_journal": lambda folder: JournalStorage(JournalFileBackend(f"{folder}/log")),
    "optuna_postgres": RDBStorage,
}
"""Opens a storage at its place: a folder, or the URL of a service or a database."""


def optimize(storage: BaseStorage, name: str, trials: int) -> None:
    """Run trials of five hyperparameters and five reports that compute nothing."""
    sampler = optuna.samplers.RandomSampler(seed=None)
    study = optuna.load_study(study_name=name, storage=storage, sampler=sampler)
    study.optimize(_nothing, n_trials=trials)


def _nothing(trial: optuna.Trial) -> float:
    for name in ("a", "b", "c", "d"):
        trial.suggest_float(name, 0.01, 0.1)
    trial.suggest_int("batch_size", 32, 128)
    for step in range(5):
        trial.report(float(step), step)
    return 0.0


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    contestant, place, study, trials = sys.argv[1:]
    storage = STORAGES[contestant](place)
    storage.get_all_studies()
    print("ready", flush=True)
    sys.stdin.readline()
    optimize(storage, study, int(trials))


if __name__ == "__main__":
    main()
