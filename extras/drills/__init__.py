"""Failure drills: each sets a fault on a copy, shows the damage, the guard that refuses or rings, and the way back."""
