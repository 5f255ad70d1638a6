"""What can be done with the codes of a trained model: go from one to another, wander, add an attribute.

`paths`, `walks`, `components`, `directions` and `inversion` are functions of tensors of codes (..., Z) and know no run;
`space` opens a run's codes, `pictures` reads pictures for it, `learning` finds directions, `store` keeps them in its folder.
"""
