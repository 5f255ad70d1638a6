"""Learned priors p(z) over latent codes.

`PRIORS[name](latent, condition=0, **options)` with `log_prob(z, y=None)`, `sample(n, y=None)` and
`fit(codes, y=None, seed=0)`. One more, `gvae.priors.vamp.Vamp`, is made of an encoder and so not in the table.
"""

from gvae.priors.base import Prior
from gvae.priors.flow import Flow
from gvae.priors.layered import Layered
from gvae.priors.mixture.prior import Mixture
from gvae.priors.normal import Normal
from gvae.priors.realnvp import RealNVP

PRIORS: dict[str, type[Prior]] = {
    "normal": Normal,
    "mixture": Mixture,
    "realnvp": RealNVP,
    "flow": Flow,
    "layered": Layered,
}

__all__ = ["PRIORS", "Flow", "Layered", "Mixture", "Normal", "Prior", "RealNVP"]
