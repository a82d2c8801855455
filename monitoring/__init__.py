"""After the answer: traffic replayed, drift and performance measured, and the decision what to do."""
