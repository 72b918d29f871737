"""The compiler's version, as it stands in every library, manifest and header that it makes."""

COMPILER_VERSION = "aotinductor 0.1.0"
