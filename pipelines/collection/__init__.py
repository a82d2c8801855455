"""Support of collect: the source's timetable as instants, and what was known before each departure."""
