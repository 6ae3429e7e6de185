"""The catalog: which algorithms and stopping rules exist, their settings, and how to make one."""
