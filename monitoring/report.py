"""The report for people: a page to look at, one a week with Evidently's report behind it, one an alarm.

Static files that work offline and from the file system; pictures are drawn here as SVG. Nothing that a stranger sent
reaches a page as it is: texts the reference does not know were replaced before, and everything else is escaped.
"""
