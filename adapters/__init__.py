"""The adapters of the ports: object stores, launchers, CloudEvents, the local broker."""
