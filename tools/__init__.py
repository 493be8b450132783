"""Small developer scripts."""
