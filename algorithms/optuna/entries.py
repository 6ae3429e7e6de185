"""The entries of Optuna's samplers: under short names, and under Optuna's own.

Arguments that are functions or objects have no form in JSON and are left out. `seed` is left out
too: the experiment has one. A test compares the rest with the signatures.
"""

from typing import Any

from algorithms.catalog.entry import Entry, Setting
from algorithms.optuna import checks

_TPE = (
    Setting(
        "n_startup_trials",
        "integer",
        10,
        minimum=0,
        summary="trials that are drawn at random before the model is asked",
    ),
    Setting(
        "n_ei_candidates",
        "integer",
        24,
        minimum=1,
        summary="candidates of which the most promising is suggested",
    ),
    Setting(
        "multivariate",
        "boolean",
        None,
        nullable=True,
        summary="model hyperparameters jointly; null: if there is one objective",
    ),
    Setting(
        "group",
        "boolean",
        None,
        nullable=True,
        summary="model each branch of a conditional space jointly; "
        "null: if there are conditions, one objective and multivariate is not false",
    ),
    Setting(
        "constant_liar",
        "boolean",
        True,
        summary="avoid values near those of running trials",
    ),
)

_STARTUP = Setting(
    "n_startup_trials", "integer", 10, minimum=0, summary="trials that are drawn at random first"
)
_INDEPENDENT = Setting(
    "independent_sampler",
    "any",
    None,
    nullable=True,
    summary="the sampler for what this one cannot model: its name, or name and settings",
)
_CMA_ES = (
    Setting("x0", "object", None, nullable=True, summary="the starting point, by hyperparameter"),
    Setting("sigma0", "number", None, nullable=True, minimum=0, summary="initial deviation"),
    Setting(
        "n_startup_trials", "integer", 1, minimum=0, summary="trials that are drawn at random first"
    ),
    _INDEPENDENT,
    Setting("consider_pruned_trials", "boolean", False, summary="learn from pruned trials, too"),
    Setting("popsize", "integer", None, nullable=True, minimum=2, summary="trials of a generation"),
    Setting("use_separable_cma", "boolean", False, summary="a diagonal covariance matrix"),
    Setting("with_margin", "boolean", False, summary="keep discrete values from freezing"),
    Setting("lr_adapt", "boolean", False, summary="adapt the learning rate"),
)
_GP = (
    _STARTUP,
    _INDEPENDENT,
    Setting("deterministic_objective", "boolean", False, summary="the objective has no noise"),
)
_GENETIC = (
    Setting("population_size", "integer", 50, minimum=2, summary="trials of a generation"),
    Setting(
        "mutation",
        "string",
        None,
        nullable=True,
        choices=("PolynomialMutation",),
        summary="how values mutate; null: they are drawn again",
    ),
    Setting(
        "mutation_prob",
        "number",
        None,
        nullable=True,
        minimum=0,
        maximum=1,
        summary="the probability of a mutation; null: 1 / the number of hyperparameters",
    ),
    Setting(
        "crossover",
        "string",
        None,
        nullable=True,
        choices=(
            "BLXAlphaCrossover",
            "SBXCrossover",
            "SPXCrossover",
            "UNDXCrossover",
            "UniformCrossover",
            "VSBXCrossover",
        ),
        summary="how parents are mixed; null: UniformCrossover",
    ),
    Setting(
        "crossover_prob",
        "number",
        0.9,
        minimum=0,
        maximum=1,
        summary="the probability of mixing parents; otherwise one is copied",
    ),
    Setting(
        "swapping_prob",
        "number",
        0.5,
        minimum=0,
        maximum=1,
        summary="the probability of swapping each hyperparameter",
    ),
)
_NSGA3 = (
    *_GENETIC,
    Setting(
        "reference_points",
        "array",
        None,
        nullable=True,
        summary="the reference points, as rows of coordinates",
    ),
    Setting(
        "dividing_parameter",
        "integer",
        3,
        minimum=1,
        summary="the density of the default reference points",
    ),
)
_QMC = (
    Setting("qmc_type", "string", "sobol", choices=("sobol", "halton"), summary="the sequence"),
    Setting("scramble", "boolean", False, summary="randomize the sequence"),
    _INDEPENDENT,
)


_TPESAMPLER = (
    *(one for one in _TPE if one.name != "group"),
    Setting("group", "boolean", False, summary="model each branch of a conditional space jointly"),
)


def _row(
    name: str, summary: str, sampler: str, settings: tuple[Setting, ...], **more: Any
) -> Entry:
    libraries, extra = more.pop("libraries", ()), more.pop("extra", "up")
    bind = more.pop("bind", ())
    return Entry(
        name,
        summary,
        "algorithms.optuna.sampler:Sampler",
        settings,
        libraries=("optuna", *libraries),
        extra=extra,
        bind=(("sampler", sampler), *bind),
        **more,
    )


def samplers() -> dict[str, Entry]:
    """Return the entries of Optuna's samplers, by the names of their classes."""
    own = (row for row in ROWS if row.name.startswith("optuna."))
    return {row.name.removeprefix("optuna."): row for row in own}


_INDEPENDENTLY = checks.sampler_in("independent_sampler", samplers, learns=False)
_CMA_ES_NEEDS: dict[str, Any] = {
    "libraries": ("cmaes", "scipy"),
    "extra": "optuna",
    "branches": False,
    "choices": "drawn",
    "integers": False,
    "objectives": 1,
    "warm_start": False,
    "check": checks.every(checks.one_form, checks.values_of("x0"), checks.whole_x0, _INDEPENDENTLY),
}
_GP_NEEDS: dict[str, Any] = {
    "libraries": ("torch", "scipy"),
    "extra": "gp",
    "branches": False,
    "constraints": True,
    "check": _INDEPENDENTLY,
}

ROWS = (
    Entry(
        "tpe",
        "Tree-structured Parzen estimator (Optuna's TPESampler)",
        "algorithms.optuna.tpe:TreeParzen",
        _TPE,
        libraries=("optuna",),
        extra="up",
        constraints=True,
        check=checks.group_alone,
    ),
    _row(
        "cma_es",
        "Covariance matrix adaptation (Optuna's CmaEsSampler)",
        "CmaEsSampler",
        _CMA_ES,
        **_CMA_ES_NEEDS,
    ),
    _row("gp", "Gaussian process (Optuna's GPSampler)", "GPSampler", _GP, **_GP_NEEDS),
    _row(
        "nsga2",
        "Genetic algorithm for several objectives (Optuna's NSGAIISampler)",
        "NSGAIISampler",
        _GENETIC,
        branches=False,
        constraints=True,
        warm_start=False,
        check=checks.enough_parents,
    ),
    _row(
        "nsga3",
        "Genetic algorithm for many objectives (Optuna's NSGAIIISampler)",
        "NSGAIIISampler",
        _NSGA3,
        branches=False,
        constraints=True,
        warm_start=False,
        check=checks.every(checks.enough_parents, checks.reference_points),
    ),
    _row(
        "sobol",
        "Points of a Sobol sequence (Optuna's QMCSampler)",
        "QMCSampler",
        tuple(one for one in _QMC if one.name != "qmc_type"),
        libraries=("scipy",),
        extra="optuna",
        branches=False,
        constraints=True,
        warm_start=False,
        bind=(("qmc_type", "sobol"),),
        check=_INDEPENDENTLY,
    ),
    _row(
        "optuna.BruteForceSampler",
        "Every assignment of a finite space, in random order",
        "BruteForceSampler",
        (
            Setting(
                "avoid_premature_stop", "boolean", False, summary="continue while trials still run"
            ),
        ),
        constraints=True,
        warm_start=False,
        check=checks.finite,
    ),
    _row(
        "optuna.CmaEsSampler",
        "Covariance matrix adaptation",
        "CmaEsSampler",
        _CMA_ES,
        **_CMA_ES_NEEDS,
    ),
    _row("optuna.GPSampler", "Gaussian process", "GPSampler", _GP, **_GP_NEEDS),
    _row(
        "optuna.GridSampler",
        "Every combination of the listed values",
        "GridSampler",
        (
            Setting(
                "search_space",
                "object",
                None,
                nullable=True,
                summary="the values to try, by hyperparameter; null: all of a finite space",
            ),
        ),
        constraints=True,
        warm_start=False,
        check=checks.gridded,
    ),
    _row(
        "optuna.NSGAIIISampler",
        "Genetic algorithm for many objectives",
        "NSGAIIISampler",
        _NSGA3,
        branches=False,
        constraints=True,
        warm_start=False,
        check=checks.every(checks.enough_parents, checks.reference_points),
    ),
    _row(
        "optuna.NSGAIISampler",
        "Genetic algorithm for several objectives",
        "NSGAIISampler",
        _GENETIC,
        branches=False,
        constraints=True,
        warm_start=False,
        check=checks.enough_parents,
    ),
    _row(
        "optuna.PartialFixedSampler",
        "Some hyperparameters fixed, the others from another sampler",
        "PartialFixedSampler",
        (
            Setting(
                "fixed_params",
                "object",
                None,
                required=True,
                summary="the fixed values, by hyperparameter",
            ),
            Setting(
                "base_sampler",
                "any",
                None,
                required=True,
                summary="the sampler of the others: its name, or name and settings",
            ),
        ),
        constraints=True,
        check=checks.every(
            checks.values_of("fixed_params"), checks.sampler_in("base_sampler", samplers)
        ),
    ),
    _row(
        "optuna.QMCSampler",
        "Points of a quasi-random sequence",
        "QMCSampler",
        _QMC,
        libraries=("scipy",),
        extra="optuna",
        branches=False,
        constraints=True,
        warm_start=False,
        check=_INDEPENDENTLY,
    ),
    _row(
        "optuna.RandomSampler",
        "Independent draws",
        "RandomSampler",
        (),
        constraints=True,
        warm_start=False,
    ),
    _row(
        "optuna.TPESampler",
        "Tree-structured Parzen estimator",
        "TPESampler",
        _TPESAMPLER,
        constraints=True,
        check=checks.group_alone,
    ),
)
