# SPDX-License-Identifier: MIT
"""The measuring instrument behind tools/bench/run; start reading at __main__.py."""
