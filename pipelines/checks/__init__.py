"""The gate's checks, one file per family; each module may define any of these names, and can be deleted.

`CRITERIA`
    What a candidate must show: `pipelines.check.Criterion`s.
`properties(inputs)`
    What is measured once of a candidate and its files, for the criteria and for the report.
`measure(inputs)`
    The same of its probabilities; not called if any of them is invalid.
`record(folder, *parts, before=None)`
    Called by training with the rows that it has seen: write files for later, and return what training.json records.
    `before` is the folder of an earlier version whose rows count as seen, too.
"""
