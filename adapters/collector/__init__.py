"""The collector: a native sidecar that reports the metrics of training code in any image.

It follows the training container's output (through the pod's log), a file, or event files (in a
shared volume), and reports each step while the training runs. It promises:

- It sends each report until the service answers, as long as Kubernetes lets the collector live. A
  report that is sent twice has no further effect.
- When the service says that the training should stop, it creates the file TUNELET_STOP_FILE.
- It always exits with 0, never before SIGTERM. Its termination message has the newest values, with
  `"read": true` once it has read everything to the end. Only then do they count as the trial's: the
  launcher reads them there, even if the service was never reached.

It is a separate program, `python -m adapters.collector`, with only the standard library, msgspec
and `tunelet.training`: every pod has one, so each import costs memory.
"""
