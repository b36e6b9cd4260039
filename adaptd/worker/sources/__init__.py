"""Where frames come from: one file a kind, all with the same four verbs (see ``base.Source``)."""
