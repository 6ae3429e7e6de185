"""Choose a network's learning rate and width for the digits of scikit-learn."""

from ray import tune
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from tunelet import tune as search

SPACE = {"rate": tune.loguniform(1e-3, 0.3), "width": tune.choice([8, 16, 32])}


def trainable(config):
    x, x_valid, y, y_valid = train_test_split(*load_digits(return_X_y=True), random_state=0)
    model = MLPClassifier([config["width"]], learning_rate_init=config["rate"], max_iter=20)
    return {"objective": 1 - model.fit(x, y).score(x_valid, y_valid)}


if __name__ == "__main__":
    found = search(trainable, SPACE, trials=10)
    print(found.best_params)
