"""Training LGNet: recipes from YAML, data in a reproducible order, and a Lightning module that can be
resumed.
"""
