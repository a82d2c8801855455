"""Making it yours: what is still the example's, another name, one feature more."""
