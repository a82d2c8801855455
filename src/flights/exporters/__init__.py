"""Exporters, one module for each family of estimators; the one of the candidate's family is needed.

`can_export(pipeline)`
    Whether a pipeline, fitted or not and without its recalibration, is of this family.
`export(pipeline, folder, slope, shift)`
    Write it to a folder in the form that `flights.portable.load` reads.
`TOLERANCE`
    The largest difference in probability from the trained model; at most `flights.portable.MAX_TOLERANCE`.
`ESTIMATORS`
    Optional: unfitted models that the family brings, each a function of the seed, by name.
`TRUSTED_TYPES`
    Optional: what those models hold beyond the types that skops trusts by itself.

Modules whose names start with "_" are the exporters' shared parts.
"""
