# SPDX-License-Identifier: MIT
#
# Tests over real sockets. The build is installed into stage/, and the test plugins are compiled
# against that, the way an author outside the tree does it: with what pkg-config says.
set(stage ${PROJECT_BINARY_DIR}/stage)
set(wire_plugin_dir ${PROJECT_BINARY_DIR}/test-plugins/wire)
file(MAKE_DIRECTORY ${wire_plugin_dir})

get_property(plugin_targets DIRECTORY ${PROJECT_SOURCE_DIR}/plugins PROPERTY BUILDSYSTEM_TARGETS)
list(FILTER plugin_targets INCLUDE REGEX "^plugin_")
file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/evframe/*.h)
add_custom_command(
  OUTPUT stage.stamp
  COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${stage} > install.log
  COMMAND ${CMAKE_COMMAND} -E touch stage.stamp
  DEPENDS evframe evframe_launcher evframe_testkit evframe_sim ${plugin_targets} man ${headers}
  COMMENT "Installing into stage/"
  VERBATIM)

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/wire/plugins/*.c
     ${CMAKE_CURRENT_SOURCE_DIR}/wire/plugins/*.cpp)
file(GLOB wire_headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/wire/plugins/*.h
     ${CMAKE_CURRENT_SOURCE_DIR}/support/*.h)
set(wire_plugins)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  if(source MATCHES "\\.cpp$")
    set(compile ${CMAKE_CXX_COMPILER} -std=c++20)
  else()
    set(compile ${CMAKE_C_COMPILER} -std=c11)
  endif()
  set(plugin ${wire_plugin_dir}/${name}.so)
  add_custom_command(
    OUTPUT ${plugin}
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/package/build-plugin.sh ${stage}/${CMAKE_INSTALL_LIBDIR}
            ${source} ${plugin} ${compile} ${evf_sanitizer_flags}
    DEPENDS stage.stamp ${source} ${wire_headers}
            ${CMAKE_CURRENT_SOURCE_DIR}/package/build-plugin.sh
    COMMENT "Building the test plugin ${name}.so against stage/"
    VERBATIM)
  list(APPEND wire_plugins ${plugin})
endforeach()

# Plugins and programs of earlier minor versions of the ABI (abi/past): against the headers of their
# time, and linked with a library that has what those declare and no more, with the symbol versions of
# then. So they are what they were when they were built then.
set(wire_program_dir ${PROJECT_BINARY_DIR}/tests/programs)
file(MAKE_DIRECTORY ${wire_program_dir})
file(GLOB past_folders CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/abi/past/*)
foreach(past IN LISTS past_folders)
  get_filename_component(version ${past} NAME)
  file(GLOB past_headers CONFIGURE_DEPENDS ${past}/include/evframe/*.h)
  set(past_library_dir ${PROJECT_BINARY_DIR}/past/${version})
  file(MAKE_DIRECTORY ${past_library_dir})
  add_custom_command(
    OUTPUT ${past_library_dir}/libevframe.so
    COMMAND ${PROJECT_SOURCE_DIR}/tools/abi library ${version} ${past_library_dir}
    DEPENDS ${past_headers} ${PROJECT_SOURCE_DIR}/tools/abi
    COMMENT "Making the library that ABI ${version} declared"
    VERBATIM)
  set(past_flags ${CMAKE_C_COMPILER} -std=c11 -I ${past}/include -L ${past_library_dir})

  file(GLOB source CONFIGURE_DEPENDS ${past}/*.c)
  set(plugin ${wire_plugin_dir}/past-${version}.so)
  add_custom_command(
    OUTPUT ${plugin}
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/package/build-plugin.sh ${stage}/${CMAKE_INSTALL_LIBDIR}
            ${source} ${plugin} ${past_flags} ${evf_sanitizer_flags}
    DEPENDS stage.stamp ${source} ${past_library_dir}/libevframe.so
            ${CMAKE_CURRENT_SOURCE_DIR}/package/build-plugin.sh
    COMMENT "Building past-${version}.so against the headers of ABI ${version}"
    VERBATIM)
  list(APPEND wire_plugins ${plugin})

  file(GLOB sources CONFIGURE_DEPENDS ${past}/programs/*.c)
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    set(program ${wire_program_dir}/past-${version}-${name})
    add_custom_command(
      OUTPUT ${program}
      COMMAND ${past_flags} -D_GNU_SOURCE -g -O1 ${evf_sanitizer_flags} -o ${program} ${source} -levframe
              -Wl,-rpath,${CMAKE_LIBRARY_OUTPUT_DIRECTORY}
      DEPENDS ${source} ${past_library_dir}/libevframe.so
      COMMENT "Building past-${version}-${name} against the headers of ABI ${version}"
      VERBATIM)
    list(APPEND wire_plugins ${program})
  endforeach()
endforeach()
add_custom_target(wire_plugins ALL DEPENDS stage.stamp ${wire_plugins})

file(GLOB support CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/support/*.c)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/wire/*_test.c)
if(support)
  add_library(wire_support OBJECT ${support})
  evf_uninstrumented(wire_support)
endif()

# Programs with a server inside, which tests drive in place of the launcher.
file(GLOB programs CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/wire/programs/*.c)
foreach(source IN LISTS programs)
  get_filename_component(name ${source} NAME_WE)
  add_executable(wire_program_${name} ${source})
  evf_compile(wire_program_${name})
  target_link_libraries(wire_program_${name} PRIVATE evframe)
  set_target_properties(wire_program_${name} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY
                                                        ${wire_program_dir})
endforeach()

# Tests that mostly wait.
set(waiting
    connect_stop
    connect_unix
    crash
    descriptors
    http_time
    idle
    listen_access
    listen_name
    listen_options
    misuse
    proxy_behind
    proxy_haproxy
    proxy_header
    proxy_health
    proxy_names
    proxy_send
    resolve
    resolve_system
    socks5)

foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "_test$" "" name ${name})
  add_executable(wire_${name} ${source})
  evf_uninstrumented(wire_${name})
  target_include_directories(wire_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}
                                                  ${CMAKE_CURRENT_SOURCE_DIR}/support)
  target_link_libraries(wire_${name} PRIVATE criterion_program Threads::Threads)
  if(support)
    target_link_libraries(wire_${name} PRIVATE wire_support)
  endif()
  evf_add_test(wire.${name} wire_${name} 300 --jobs 1)
  # The server and its peers need the cores for themselves.
  if(NOT name IN_LIST waiting)
    set_tests_properties(${evf_build_name}.wire.${name} PROPERTIES PROCESSORS 2)
  endif()
  set_property(
    TEST ${evf_build_name}.wire.${name}
    APPEND
    PROPERTY ENVIRONMENT EVF_LAUNCHER=$<TARGET_FILE:evframe_launcher>
             EVF_PLUGIN_PATH=${PROJECT_BINARY_DIR}/${evf_plugin_dir}
             EVF_TEST_PLUGINS=${wire_plugin_dir} EVF_TEST_PROGRAMS=${wire_program_dir})
endforeach()
