"""After the answer: replayed traffic, checks of the prediction log, one decision, and a report.

Plug-ins are modules that define one of these functions. Deleting a plug-in's file removes what it does:

- `monitoring/checks/*.py`: `checks(view)` returns the checks of one family; `details(view)` returns fields for
  `decision.json`; `observe(client, moment, folder)` records what a replayed service counts, and
  `observe_server(folder)` what a live one does.
- `monitoring/extras/*.py`: `write(folder, findings)` publishes a decision, as a web page or to a webhook.
- `extras/<name>/__init__.py`: `with_drill(traffic, drill, days, seed)` plants a failure into replayed traffic.
"""
