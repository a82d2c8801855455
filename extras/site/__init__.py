"""The documentation as a site with search, which works without a network: `make site`."""
