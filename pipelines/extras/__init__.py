"""Plug-ins of evaluate, found in this folder; deleting the folder removes them.

A plug-in may define `measure(inputs, metrics)`, whose dictionary is added to the evaluation report, and
`write_report(folder, evaluation)`, which adds files to the version that is about to be published.
"""
