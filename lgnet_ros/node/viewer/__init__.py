"""The scene of RViz in a browser, for those without RViz: what is published, drawn by viser."""
