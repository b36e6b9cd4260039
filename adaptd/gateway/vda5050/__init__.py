"""VDA 5050, the interface between vehicles and master control: adaptd's state in its words, and the plug-in that says it."""
