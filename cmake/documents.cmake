# SPDX-License-Identifier: MIT
#
# What is installed to be read: man pages, made from docs/man/*.scd by scdoc; completion for bash; the
# documents, the licence and an example. In the build tree they lie as they are installed, so
# `MANPATH=<build>/share/man man evframe` shows the page of this build.
find_program(SCDOC scdoc REQUIRED)

# evf_man_page(NAME SECTION COMPONENT): docs/man/NAME.SECTION.scd
function(evf_man_page name section component)
  set(source ${PROJECT_SOURCE_DIR}/docs/man/${name}.${section}.scd)
  set(folder ${CMAKE_INSTALL_MANDIR}/man${section})
  set(page ${PROJECT_BINARY_DIR}/${folder}/${name}.${section})
  add_custom_command(
    OUTPUT ${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/${folder}
    COMMAND sh -c "\"$1\" <\"$2\" >\"$3\" || { rm \"$3\"; exit 1; }" scdoc ${SCDOC} ${source} ${page}
    DEPENDS ${source}
    COMMENT "Making the man page ${name}(${section})"
    VERBATIM)
  set_property(GLOBAL APPEND PROPERTY evf_man_pages ${page})
  install(
    FILES ${page}
    DESTINATION ${folder}
    COMPONENT ${component})
endfunction()

evf_man_page(evframe 1 runtime)
evf_man_page(evframe-plugin 7 development)
get_property(evf_man_pages GLOBAL PROPERTY evf_man_pages)
add_custom_target(man ALL DEPENDS ${evf_man_pages})

# The completion looks for plugins where the launcher does, by the same relative path.
set(folder ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
configure_file(cmake/evframe.bash.in ${folder}/evframe @ONLY)
install(
  FILES ${PROJECT_BINARY_DIR}/${folder}/evframe
  DESTINATION ${folder}
  COMPONENT runtime)

# Documents about plugins that are shipped belong to who runs them, all others to who writes them.
set(evf_runtime_documents chat.md proxy.md socks5.md)
install(
  FILES README.md CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR}
  COMPONENT runtime)
install(
  FILES cmake/copyright
  DESTINATION ${CMAKE_INSTALL_DOCDIR}
  COMPONENT runtime)
file(
  GLOB documents
  RELATIVE ${PROJECT_SOURCE_DIR}/docs
  CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/*.md)
foreach(document IN LISTS documents)
  set(component development)
  if(document IN_LIST evf_runtime_documents)
    set(component runtime)
  endif()
  install(
    FILES docs/${document}
    DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs
    COMPONENT ${component})
endforeach()
install(
  FILES plugins/echo/echo.c
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples
  COMPONENT development)
