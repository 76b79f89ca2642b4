"""Limits in, the best recipe out.

space      which recipes may be proposed, made from the registry
start      the recipes to begin with: well-known ones, and what earlier runs of the model showed
proposals  the next recipe, by Optuna, a function of what was measured and nothing else
rungs      who goes on from a cheap look to a measured point, and who is dropped
training   what is trained, and for how long: successive halving within the time that is left
kept       a search as a row of the store
result     the frontier, the winner, and the nearest misses
search     the loop that brings them together
"""
