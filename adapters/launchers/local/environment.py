"""What a training process inherits from the service: a short list, so that no secret leaks.

The list is what programs need to be found, to find their home, to speak the user's
language and to reach the machine's devices. Everything else (the service's TUNELET_SECRET,
cloud credentials, tokens) stays behind; what training code needs beyond this stands in
`model_training_code.env`. The run is the same user all the same: this keeps accidents
away, it is no sandbox.
"""

from collections.abc import Mapping

_NAMES = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ"),
        *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_NUMERIC"),
        *("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "LD_LIBRARY_PATH"),
        *("CUDA_VISIBLE_DEVICES", "CUDA_HOME", "CUDA_PATH", "HIP_VISIBLE_DEVICES"),
        *("ROCR_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    )
)


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of the service's environment that its children get."""
    return {name: value for name, value in environment.items() if name in _NAMES}
