# SPDX-License-Identifier: MIT
#
# Tests of the simulator (testkit/<name>_test.c): Criterion programs linked with the testkit alone,
# as a plugin's author does it.

# Plugins with planted bugs, as modules against libevframe, like anybody's.
set(sim_plugin_dir ${PROJECT_BINARY_DIR}/test-plugins/sim)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/testkit/plugins/*.c)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  add_library(sim_plugin_${name} MODULE ${source})
  evf_compile(sim_plugin_${name})
  target_link_libraries(sim_plugin_${name} PRIVATE evframe)
  set_target_properties(sim_plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                                                      LIBRARY_OUTPUT_DIRECTORY ${sim_plugin_dir})
  list(APPEND sim_plugins sim_plugin_${name})
endforeach()
add_custom_target(sim_plugins DEPENDS ${sim_plugins})

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/testkit/*_test.c)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "_test$" "" name ${name})
  add_executable(testkit_${name} ${source})
  evf_compile(testkit_${name})
  target_link_libraries(testkit_${name} PRIVATE evframe_testkit criterion_program)
  target_compile_definitions(
    testkit_${name}
    PRIVATE LAUNCHER="$<TARGET_FILE:evframe_launcher>" PLUGINS="${sim_plugin_dir}"
            SCRIPTS="${CMAKE_CURRENT_SOURCE_DIR}/testkit/scripts")
  add_dependencies(testkit_${name} sim_plugins evframe_launcher evframe_sim ${plugin_targets})
  evf_add_test(testkit.${name} testkit_${name} 240 --jobs 1)
endforeach()
