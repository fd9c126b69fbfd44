"""Faces: files and drawings become checked arrays, splits and crops."""
