"""Plug-ins of train, evaluate and promote, found in this folder; deleting the folder removes them.

A plug-in may define `measure(inputs, metrics)`, whose dictionary is added to the evaluation report, and
`write_report(folder, evaluation)`, which adds files to the version that is about to be published.

Provenance defines `provenance(settings)`, whose dictionary is added to the record of a training, and
`code_version(settings)`, the part of it that a recalibration records again.

The log of accesses to the holdout defines `log_holdout_access(settings, by, candidate, digest, source, period,
seen)`, `log_holdout_version(settings, candidate, version)` and `holdout_access_counts(settings, newest)`.

The choice of the candidate's family defines `choose_estimator(settings, train, validation)`.

A mirror of what was trained may define `preflight(settings)`, which ends the process before anything is fitted if the
mirror does not work, `log_fits(settings, fits, rows, params, source)`, which returns what the record
of each model says of it, `register_version(settings, training, report)`, whose number names the version,
`log_evaluation(settings, training, version, report)`, and `mirror_champion(settings)`.
"""
