"""A saga's graph as a picture: placed shapes, and what writes them as SVG, PNG or Mermaid.

Reads graphs only. `layout` places the shapes, and `svg` and `png` draw the same ones; `mermaid`
leaves the placing to Mermaid.
"""
