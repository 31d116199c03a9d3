"""Zoning of crystals: radial profiles, core and rim, zoning classes."""
