"""On PYTHONPATH, shows Python a copy of the repository alone: the installed one would fill in what the copy lacks."""

import sys

sys.meta_path = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "_EditableFinder"]
