"""What a function lets be seen of itself: logs, metrics and spans."""
