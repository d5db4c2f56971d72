"""The Draw page: what is drawn is answered while the pen moves, and what the answer comes from is shown beside it."""
