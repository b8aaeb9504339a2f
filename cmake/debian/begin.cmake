# SPDX-License-Identifier: MIT
#
# Read by cpack before it does anything.

# A package is for /usr only, where Debian's libraries lie in a folder of their architecture.
if(NOT CPACK_EVF_LIBDIR STREQUAL "lib/${CPACK_EVF_MULTIARCH}")
  message(FATAL_ERROR "This build tree has its libraries in ${CPACK_EVF_LIBDIR}, Debian has them in "
                      "lib/${CPACK_EVF_MULTIARCH}: use the preset `debian`, or tools/package.")
endif()

# Each package has a synopsis of its own in the first line of its description.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")

# Who makes the packages is told as Debian's own tools are told.
if(NOT "$ENV{DEBEMAIL}" STREQUAL "")
  set(CPACK_DEBIAN_PACKAGE_MAINTAINER "$ENV{DEBEMAIL}")
  if(NOT "$ENV{DEBFULLNAME}" STREQUAL "")
    set(CPACK_DEBIAN_PACKAGE_MAINTAINER "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
  endif()
endif()
