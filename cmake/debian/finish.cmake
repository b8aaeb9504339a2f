# SPDX-License-Identifier: MIT
#
# Run by cpack between installing into its folder and making the packages: brings both into the form
# that Debian Policy asks for. Documents lie in the folder of their package, with copyright and
# changelogs; manual pages and changelogs are compressed, without the time in them.
set(runtime_package ${CPACK_DEBIAN_RUNTIME_PACKAGE_NAME})
set(development_package ${CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME})

function(compress file)
  execute_process(COMMAND gzip -9 -n -f "${file}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)

foreach(component runtime development)
  set(usr ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr)
  set(package ${${component}_package})
  set(documents ${usr}/share/doc/${package})

  if(NOT package STREQUAL CPACK_PACKAGE_NAME)
    file(RENAME ${usr}/share/doc/${CPACK_PACKAGE_NAME} ${documents})
  endif()
  file(COPY ${CPACK_EVF_SOURCE_DIR}/cmake/copyright DESTINATION ${documents})
  file(COPY_FILE ${CPACK_EVF_SOURCE_DIR}/CHANGELOG.md ${documents}/changelog)
  file(REMOVE ${documents}/CHANGELOG.md)
  file(
    WRITE ${documents}/changelog.Debian
    "evframe (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
    "  * Made by tools/package of the sources; see changelog.gz.\n\n"
    " -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}\n")
  file(GLOB files ${documents}/changelog ${documents}/changelog.Debian ${usr}/share/man/man*/*.[1-9])
  foreach(file IN LISTS files)
    compress(${file})
  endforeach()
endforeach()

