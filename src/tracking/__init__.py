"""Tracking: runs, registry, gate and bundle; the only room that knows mlflow."""
