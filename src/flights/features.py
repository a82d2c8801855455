"""One feature function, used by training and by serving: row-wise, stateless, on plain NumPy columns.

Each feature is a function named after the data that it makes; its parameters are the columns that it reads. Anything
fitted (encodings, trees, thresholds) belongs to the model.
"""
