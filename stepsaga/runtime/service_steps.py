"""The participant of service steps that have no compensation: a function of ours.

It has no handlers. It settles what became of an action whose record found its slot taken, and
checks the input where such a step is the first.
"""
