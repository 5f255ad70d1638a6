"""A Gaussian mixture fitted to codes: `Mixture`, its Gaussians and their fit by expectation maximisation."""
