"""A trained or training network held still and looked into. Numbers only; drawing them is for `nnviz.charts`."""
