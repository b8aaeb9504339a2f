# SPDX-License-Identifier: MIT
#
# After everything was installed: notes the files (see ../uninstall.cmake). Run by cmake --install,
# behind begin.cmake.
if(NOT evf_inside EQUAL 0)
  file(APPEND "${evf_note}" "root ${evf_root}\n")
  foreach(file IN LISTS CMAKE_INSTALL_MANIFEST_FILES)
    file(APPEND "${evf_note}" "file $ENV{DESTDIR}${file}\n")
  endforeach()
endif()
