"""Plug-ins of the service; each module may define any of these hooks, and can be deleted.

`plug_in(service)`
    Add routes, observers, followers, background work or limits to a `serving.service.Service` before it starts.
`start_log()`
    Set up logging, before anything is logged.
`log_dialect(url)`
    Return what `serving.log_connection.Sqlite` is, for another database's URL, or None.
`LOG_TABLES`
    Pairs of a table that the plug-in adds to the log, with a request_id, and its column that retention goes by.
`form_presets()`
    Return inputs by a name, which the page offers to fill its form with.
`page_links()`
    Return address and words of pages for people, to which other pages link.
`admin_routes(router, service, changed)`
    Add routes below /admin to those of the plug-in `admin`.
"""
