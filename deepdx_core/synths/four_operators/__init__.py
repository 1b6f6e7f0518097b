"""Four-operator synthesizers: the TX81Z and its kin, FB-01 and reface DX, and their conversion to DX7 voices."""
