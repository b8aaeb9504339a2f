# SPDX-License-Identifier: MIT
"""Drawing results as SVG; tools/bench/plot starts __main__.py."""
