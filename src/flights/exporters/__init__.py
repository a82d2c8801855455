"""Exporters, one module for each family of estimators; the one of the candidate's family is needed.

`can_export(pipeline)`
    Whether a fitted pipeline, without its recalibration, is of this family.
`export(pipeline, folder, slope, shift)`
    Write it to a folder in the form that `flights.portable.load` reads.
"""
