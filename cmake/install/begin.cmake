# SPDX-License-Identifier: MIT
#
# Before anything is installed: notes which folders are not there yet (see ../uninstall.cmake).
# Run by cmake --install, with evf_build and evf_shared_folders set.
set(evf_root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
string(MD5 evf_note "${evf_root}")
set(evf_notes "${evf_build}/installed")
if(DEFINED ENV{EVF_INSTALLATION_NOTES})
  set(evf_notes "$ENV{EVF_INSTALLATION_NOTES}")
endif()
set(evf_note "${evf_notes}/${evf_note}.txt")

string(FIND "${evf_root}/" "${evf_build}/" evf_inside)
if(NOT evf_inside EQUAL 0)
  set(folders "${evf_root}")
  get_filename_component(parent "${evf_root}" DIRECTORY)
  while(NOT EXISTS "${parent}")
    list(PREPEND folders "${parent}")
    get_filename_component(parent "${parent}" DIRECTORY)
  endwhile()
  foreach(folder IN LISTS evf_shared_folders)
    list(APPEND folders "${evf_root}/${folder}")
  endforeach()
  foreach(folder IN LISTS folders)
    if(NOT EXISTS "${folder}")
      file(APPEND "${evf_note}" "folder ${folder}\n")
    endif()
  endforeach()
endif()
