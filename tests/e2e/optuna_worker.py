"""One of several processes that share a study of Optuna: `optuna_worker.py URL HOW COUNT`."""

import sys
import time

import optuna

from tunelet.interop.optuna import TuneletStorage

optuna.logging.set_verbosity(optuna.logging.ERROR)


def choose(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -5, 5)
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    trial.set_user_attr("kind", kind)
    return x**2


def be_pruned(trial: optuna.Trial) -> float:
    for step in range(3):
        trial.report(float(trial.number), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(trial.number)


def hang(trial: optuna.Trial) -> float:
    trial.suggest_float("x", -5, 5)
    print("hangs", trial.number, flush=True)
    while True:
        time.sleep(1)


def main(url: str, how: str, count: int) -> None:
    heart = {"heartbeat_interval": 1, "grace_period": 3} if how == "hang" else {}
    study = optuna.load_study(
        study_name="shared",
        storage=TuneletStorage(url, **heart),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=0),
    )
    if how == "take":
        # Not with `ask`, which makes a new trial if none waits.
        while (number := study._pop_waiting_trial_id()) is not None:
            trial = study._storage.get_trial(number)
            study.tell(trial.number, trial.params["x"])
            print(trial.number, flush=True)
        return
    objectives = {"choose": choose, "prune": be_pruned, "hang": hang}
    study.optimize(objectives[how], n_trials=count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
