"""Labels of pods in the launcher's options."""

import pytest

from adapters.launchers.kubernetes.labels import pod_labels
from tunelet.errors import Reject


def test_several_labels_are_separated_by_commas() -> None:
    assert pod_labels("") == {}
    written = "azure.workload.identity/use=true,team=a.b_c-1,empty="
    assert pod_labels(written) == {
        "azure.workload.identity/use": "true",
        "team": "a.b_c-1",
        "empty": "",
    }


@pytest.mark.parametrize("written", ["=true", "a/=b", "-a=b", "a=b c", "a=b=c", "a/b/c=d", "a=-"])
def test_labels_that_kubernetes_refuses_are_refused_at_the_start(written: str) -> None:
    with pytest.raises(Reject, match=r"pod_labels=.+ write KEY=VALUE") as refused:
        pod_labels(written)
    assert refused.value.errors[0].field == "TUNELET_LAUNCHER.pod_labels"
