"""Plug-ins of the library; each module may define any of these hooks, and can be deleted.

`verify(folder)`
    Raise an error if the model in a folder must not be loaded; `registry.load` calls it first.
`published(manifest)`
    Called with the path of a new manifest, before its folder gets its final name.
`request_headers()`
    Return headers that our own clients of the service add to every request.
`select_rows(rows, data_dir)`
    Return the rows that may be collected.
`conditions(rows, tables)`
    Return columns of the rows that `collect` cannot read from its tables: the same as the service looks up.
`condition_settings()`
    Return what these columns depend on, by name, for the manifest.
"""
