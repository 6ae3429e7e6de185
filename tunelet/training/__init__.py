"""What goes into a training, and what comes out of it."""
