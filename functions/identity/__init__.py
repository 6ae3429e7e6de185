"""Identity enters here: who calls, and what they may do. The domain sees an actor's name only."""
