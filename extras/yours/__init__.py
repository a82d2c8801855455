"""Making it yours: what is still the example's."""
