"""The collector: a native sidecar that reports what training code of any image writes.

It follows the training container's output (by the pod's log), a file or event files (in a
volume that both have), and reports each step while the training runs. It promises:

- What it has read it reports until it is answered, as long as Kubernetes lets it live; a
  report that is sent twice does nothing.
- When the service says that the training is to stop, a file says so (TUNELET_STOP_FILE).
- It always exits with 0, never before it gets SIGTERM, and leaves the newest values in its
  termination message, with `"read": true` once it has read everything to the end. Only then are
  they the trial's: the launcher reads them there, whether or not the service was reached.

A program of its own: `python -m adapters.collector`, of the standard library and
`tunelet.training.metrics`, for there is one in every pod: each import is memory.
"""
