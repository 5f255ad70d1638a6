"""Invertible maps of vectors with the logarithm of their Jacobian's determinant: planar, IAF, couplings, leapfrog."""

from gvae.nets.flows.coupling import Coupling
from gvae.nets.flows.iaf import IAF
from gvae.nets.flows.leapfrog import leapfrog
from gvae.nets.flows.made import MADE
from gvae.nets.flows.planar import Planar
from gvae.nets.flows.velocity import Velocity

__all__ = ["IAF", "MADE", "Coupling", "Planar", "Velocity", "leapfrog"]
