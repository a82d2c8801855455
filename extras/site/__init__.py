"""The documentation as a site with search, which works without a network, and as notebooks: `make site notebooks`."""
