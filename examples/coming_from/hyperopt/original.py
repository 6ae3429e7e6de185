"""Choose a classifier for the iris data set."""

from hyperopt import STATUS_OK, Trials, fmin, hp, space_eval, tpe
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

SPACE = hp.choice(
    "classifier",
    [
        {"kind": "svc", "c": hp.loguniform("c", -7, 7)},
        {"kind": "forest", "max_depth": hp.uniformint("max_depth", 2, 32)},
    ],
)


def objective(params):
    x, y = load_iris(return_X_y=True)
    if params["kind"] == "svc":
        model = SVC(C=params["c"])
    else:
        depth = params["max_depth"]
        model = RandomForestClassifier(max_depth=depth, n_estimators=10, random_state=0)
    return {"loss": -cross_val_score(model, x, y, cv=3).mean(), "status": STATUS_OK}


if __name__ == "__main__":
    trials = Trials()
    best = fmin(objective, SPACE, algo=tpe.suggest, max_evals=10, trials=trials)
    print(space_eval(SPACE, best), -min(trials.losses()))
