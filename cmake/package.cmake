# SPDX-License-Identifier: MIT
#
# Installation, and how others find evframe: pkg-config and find_package, for an installation as for
# the build tree. Paths in what is installed are relative, so that `cmake --install --prefix` works.
include(CMakePackageConfigHelpers)

set(evf_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/evframe)

install(TARGETS evframe_launcher RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(
  TARGETS evframe
  EXPORT evframeTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          COMPONENT runtime
          NAMELINK_COMPONENT development)
install(
  TARGETS evframe_testkit
  EXPORT evframeTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(TARGETS evframe_sim RUNTIME DESTINATION ${evf_libexec_dir} COMPONENT development)
install(
  DIRECTORY include/evframe
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT development)

# What `evframe new` writes. In the build tree a link, so that it is always what the sources have.
get_filename_component(folder ${PROJECT_BINARY_DIR}/${evf_template_dir} DIRECTORY)
file(MAKE_DIRECTORY ${folder})
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/framework/cli/templates ${PROJECT_BINARY_DIR}/${evf_template_dir}
     SYMBOLIC)
install(
  DIRECTORY framework/cli/templates/
  DESTINATION ${evf_template_dir}
  COMPONENT development)

# pkg-config: evframe.pc is for the installation; beside it pkg-config prefers the -uninstalled one,
# so PKG_CONFIG_PATH=<build folder> means the build tree.
file(RELATIVE_PATH evf_prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/evframe.pc.in evframe.pc @ONLY)
configure_file(cmake/evframe-uninstalled.pc.in evframe-uninstalled.pc @ONLY)
configure_file(cmake/evframe-testkit.pc.in evframe-testkit.pc @ONLY)
configure_file(cmake/evframe-testkit-uninstalled.pc.in evframe-testkit-uninstalled.pc @ONLY)
install(
  FILES ${PROJECT_BINARY_DIR}/evframe.pc ${PROJECT_BINARY_DIR}/evframe-testkit.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT development)

# CMake: evframe_DIR=<build folder> means the build tree.
install(
  EXPORT evframeTargets
  NAMESPACE evframe::
  DESTINATION ${evf_cmake_dir}
  COMPONENT development)
export(
  EXPORT evframeTargets
  NAMESPACE evframe::
  FILE ${PROJECT_BINARY_DIR}/evframeTargets.cmake)
configure_package_config_file(cmake/evframeConfig.cmake.in evframeConfig.cmake
                              INSTALL_DESTINATION ${evf_cmake_dir})
write_basic_package_version_file(evframeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES ${PROJECT_BINARY_DIR}/evframeConfig.cmake ${PROJECT_BINARY_DIR}/evframeConfigVersion.cmake
  DESTINATION ${evf_cmake_dir}
  COMPONENT development)
