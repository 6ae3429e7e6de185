"""Where Tunelet meets the world: object stores, launchers, CloudEvents, the local broker."""
