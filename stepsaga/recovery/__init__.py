"""What the catch path cannot see: undo from the log, and reconciling what was lost."""
