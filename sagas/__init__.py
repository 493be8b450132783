"""The reference sagas."""
