"""The version of larder; the build fills it in."""

__version__ = "@PROJECT_VERSION@"
