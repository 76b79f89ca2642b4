"""Code that goes into bundles as it stands: numpy and the standard library, no EdgeKit. One file a kind of data."""
