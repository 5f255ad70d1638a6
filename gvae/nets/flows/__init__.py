"""Networks on vectors: invertible coupling layers and velocity fields."""
