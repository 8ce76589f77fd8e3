"""How well hands are estimated: metrics, protocols, reports and plots, for any estimator that fills the
records.
"""
