"""The version of larder, and the OpenVINO that it was built with; the build fills them in."""

__version__ = "@PROJECT_VERSION@"

OPENVINO = "@openvino_soname@"  # the name of its library
