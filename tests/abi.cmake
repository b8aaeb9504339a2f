# SPDX-License-Identifier: MIT
#
# The loader's test and the plugins it loads, good and bad ones. The test exports the framework's
# public functions, as libevframe.so does in a real process.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/abi/plugins/*.c
     ${CMAKE_CURRENT_SOURCE_DIR}/abi/plugins/*.cpp)
set(abi_plugin_dir ${PROJECT_BINARY_DIR}/test-plugins/abi)

add_executable(abi_loader ${CMAKE_CURRENT_SOURCE_DIR}/abi/loader_test.c)
evf_compile(abi_loader)
target_link_libraries(abi_loader PRIVATE evframe_objects criterion_program)
set_target_properties(abi_loader PROPERTIES ENABLE_EXPORTS ON)
evf_add_test(abi.loader abi_loader 120 --jobs 1)
set_property(
  TEST ${evf_build_name}.abi.loader
  APPEND
  PROPERTY ENVIRONMENT EVF_TEST_PLUGIN_DIR=${abi_plugin_dir})

foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  add_library(abi_plugin_${name} MODULE ${source})
  evf_compile(abi_plugin_${name})
  target_include_directories(abi_plugin_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  set_target_properties(abi_plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                                                      LIBRARY_OUTPUT_DIRECTORY ${abi_plugin_dir})
  add_dependencies(abi_loader abi_plugin_${name})
endforeach()
