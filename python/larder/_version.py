"""Which larder this is; the build fills it in."""

__version__ = "@PROJECT_VERSION@"
