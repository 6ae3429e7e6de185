"""When a training that succeeded may have been cut off all the same."""

from adapters.launchers.kubernetes.disruption import cut_off, doubt
from tests.unit.adapters.launchers.kubernetes.test_pod_ends import pod

JOB = {"status": {"succeeded": 1}}


def test_a_training_that_ended_long_before_the_eviction_was_not_interrupted() -> None:
    assert cut_off(pod(ended=100, disrupted=200), "training") is None
    assert cut_off(pod(ended=100, disrupted=102), "training") == "EvictionByEvictionAPI: evicted"


def test_a_training_with_an_unknown_end_may_have_been_interrupted() -> None:
    evicted = pod(disrupted=200)
    evicted["status"]["containerStatuses"] = []
    assert cut_off(evicted, "training") == "EvictionByEvictionAPI: evicted"


def test_a_pod_that_was_evicted_and_replaced_raises_no_doubt() -> None:
    trained = pod("p1", ended=300)
    assert (
        doubt(JOB, [pod("p0", 143, ended=50, disrupted=40), trained], trained, "training") is None
    )
    running = pod("p0", disrupted=40)
    running["status"]["phase"] = "Running"
    assert doubt(JOB, [running, trained], trained, "training") is not None
