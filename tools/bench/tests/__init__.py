# SPDX-License-Identifier: MIT
"""Tests of what the harness computes; no timing, no network. tools/check bench runs them."""
