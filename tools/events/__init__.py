"""Many sagas that wait, and their events all at once."""
