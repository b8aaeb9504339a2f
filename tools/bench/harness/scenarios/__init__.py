# SPDX-License-Identifier: MIT
"""One file per scenario; see registry.py."""
