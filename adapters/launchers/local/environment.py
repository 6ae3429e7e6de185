"""The variables that a training process inherits from the service: few, so that no secret leaks.

They let programs be found, find their home, use the user's language and reach the machine's
devices. All other variables (TUNELET_SECRET, cloud credentials, tokens) are left out; a request
adds those that its training needs in `model_training_code.env`. The run still has the service's
user: this prevents accidents and is not a sandbox.
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
    """Return the part of the service's environment that its children get."""
    return {name: value for name, value in environment.items() if name in _NAMES}
