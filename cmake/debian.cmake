# SPDX-License-Identifier: MIT
#
# Debian packages, made by tools/package: `evframe` of the component runtime, `libevframe-dev` of the
# component development. finish.cmake beside it adds what Debian wants in each.
#
# There is one package for the launcher, the library and the plugins, not a libevframe1 of its own:
# they are released together, and a second major version of the library would bring a launcher too.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME evframe)
set(CPACK_PACKAGE_VENDOR "evframe authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/debian/begin.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian/finish.cmake)

set(CPACK_DEBIAN_PACKAGE_MAINTAINER "evframe authors <evframe@localhost>")
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME evframe)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
    "multi-threaded server framework with protocols as plugins
evframe listens, spreads connections over worker threads with an event loop
each, and lets plugins speak the protocol. This package has the launcher, the
library, and the plugins echo, http, chat, proxy and socks5.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
# What is linked with the library needs this package: shlibs says so to dpkg-shlibdeps.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
# The cache of the dynamic linker is brought up to date by a trigger. (CPack calls ldconfig as well, and
# cannot be kept from it.)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libevframe-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
    "multi-threaded server framework (development files)
Headers, pkg-config and CMake files, manual and an example for writing plugins
for evframe, or programs that have an evframe server inside.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "evframe (= ${evf_version}-1)")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS pkg-config)

# For the scripts.
set(CPACK_EVF_SOURCE_DIR ${PROJECT_SOURCE_DIR})
set(CPACK_EVF_LIBDIR ${CMAKE_INSTALL_LIBDIR})
set(CPACK_EVF_MULTIARCH ${CMAKE_LIBRARY_ARCHITECTURE})
include(CPack)
