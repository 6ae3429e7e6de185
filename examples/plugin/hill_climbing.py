"""Hill climbing: most trials are close to the best one so far."""

from random import Random

from tunelet.core.problem import Suggestions


class HillClimbing:
    """Steps away from the best trial so far, in every direction at once."""

    objectives = 1

    def __init__(self, *, step: float = 0.1) -> None:
        self.step = step

    def suggest(self, problem, trials, count):
        (goal,) = problem.objectives
        sign = 1 if goal.direction == "minimize" else -1
        complete = [one for one in trials if isinstance(one.values.get(goal.metric), float)]
        best = min(complete, key=lambda one: sign * one.values[goal.metric], default=None)
        return Suggestions([self.near(problem, best, place) for place in range(count)])

    def near(self, problem, best, place):
        random = Random(f"{problem.seed}/{problem.first + place}")
        if best is None:
            return problem.space.sample(random)
        known = best.hyperparameters
        return problem.space.build(
            lambda one: one.from_unit(
                min(max(one.to_unit(known[one.name]) + random.gauss(0, self.step), 0), 1)
                if one.name in known
                else random.random()
            )
        )
