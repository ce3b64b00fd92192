"""One module for each group of addresses; each exports its `router`."""
