"""The algorithms of algorithms/own."""

from algorithms.row import Row, Setting

ROWS = (
    Row(
        "grid_search",
        "Every combination once, spread over the space from the first trial on",
        "algorithms.own.grid:GridSearch",
        (
            Setting(
                "points",
                "integer",
                10,
                minimum=1,
                summary="values tried of each hyperparameter that is continuous",
            ),
        ),
        constraints=True,
        light=True,
    ),
    Row(
        "random_search",
        "Independent draws from the prior, none of them twice",
        "algorithms.own.random:RandomSearch",
        constraints=True,
        light=True,
    ),
)
