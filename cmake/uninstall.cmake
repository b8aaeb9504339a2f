# SPDX-License-Identifier: MIT
#
# The target `uninstall`: takes away what was installed from this build tree, files and those folders
# that the installation made.
#
# install_manifest.txt does not do for that: it knows neither folders nor DESTDIR, and cpack writes
# such lists too. So each installation leaves a note of its own in <build>/installed, one for each
# place; installations into the build tree (cpack's, the tests' stage/) are left out. The environment
# variable EVF_INSTALLATION_NOTES names another folder for the notes.

# Folders that evframe shares with others, parents first: gone after `uninstall` if the installation
# made them and nothing else is in them. Those that carry evframe's name need not stand here.
set(evf_shared_folders)
foreach(folder ${CMAKE_INSTALL_BINDIR} ${CMAKE_INSTALL_LIBEXECDIR} ${CMAKE_INSTALL_LIBDIR}/pkgconfig
               ${CMAKE_INSTALL_LIBDIR}/cmake ${CMAKE_INSTALL_INCLUDEDIR} ${CMAKE_INSTALL_DOCDIR}
               ${CMAKE_INSTALL_MANDIR}/man1 ${CMAKE_INSTALL_MANDIR}/man7
               ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  set(folders)
  while(folder)
    list(PREPEND folders ${folder})
    get_filename_component(folder ${folder} DIRECTORY)
  endwhile()
  list(APPEND evf_shared_folders ${folders})
endforeach()
list(REMOVE_DUPLICATES evf_shared_folders)

macro(evf_installation_begins)
  install(CODE "set(evf_build \"${PROJECT_BINARY_DIR}\")" ALL_COMPONENTS)
  install(CODE "set(evf_shared_folders \"${evf_shared_folders}\")" ALL_COMPONENTS)
  install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/install/begin.cmake ALL_COMPONENTS)
endmacro()

macro(evf_installation_ends)
  install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/install/end.cmake ALL_COMPONENTS)
endmacro()

add_custom_target(
  uninstall
  COMMAND ${CMAKE_COMMAND} -D evf_build=${PROJECT_BINARY_DIR} -P
          ${PROJECT_SOURCE_DIR}/cmake/install/remove.cmake
  VERBATIM)
