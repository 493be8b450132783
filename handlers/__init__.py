"""The participants of the reference sagas: one module each, one Lambda function each."""
