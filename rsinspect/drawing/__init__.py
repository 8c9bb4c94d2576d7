"""Pictures: views make a scene from the graph, formats lower it, an engine lays it out."""
