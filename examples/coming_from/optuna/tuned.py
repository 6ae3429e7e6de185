"""Choose a classifier for the iris data set."""

from tunelet import tune
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC


def objective(trial):
    x, y = load_iris(return_X_y=True)
    if trial.suggest_categorical("classifier", ["svc", "forest"]) == "svc":
        model = SVC(C=trial.suggest_float("c", 1e-3, 1e3, log=True))
    else:
        depth = trial.suggest_int("max_depth", 2, 32, log=True)
        model = RandomForestClassifier(max_depth=depth, n_estimators=10, random_state=0)
    return cross_val_score(model, x, y, cv=3).mean()


if __name__ == "__main__":
    study = tune(objective, trials=10, direction="maximize")
    print(study.best_params, study.best_value)
