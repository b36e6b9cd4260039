"""What a log is made of: lines, chain, tree, notes, keys, shapes."""
