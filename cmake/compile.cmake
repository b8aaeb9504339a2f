# SPDX-License-Identifier: MIT
#
# How our own code is compiled: warnings, sanitizers, debug checks. Use evf_compile(target); code of
# others (llhttp) goes without. evf_uninstrumented(target) leaves the sanitizers out.

set(evf_warnings
    -Wall
    -Wextra
    -Wshadow
    -Wpointer-arith
    -Wwrite-strings
    -Wvla
    -Wformat=2
    -Wundef
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<C_COMPILER_ID:GNU>:-Wcast-align=strict>
    $<$<BOOL:${EVF_WERROR}>:-Werror>)

set(evf_sanitizer_flags)
if(EVF_SANITIZE STREQUAL "address")
  set(evf_sanitizer_flags -fsanitize=address,undefined -fno-sanitize-recover=all
                          -fno-omit-frame-pointer)
elseif(EVF_SANITIZE STREQUAL "thread")
  set(evf_sanitizer_flags -fsanitize=thread -fno-omit-frame-pointer)
elseif(EVF_SANITIZE)
  message(FATAL_ERROR "EVF_SANITIZE is '${EVF_SANITIZE}'; it may be empty, 'address' or 'thread'")
endif()

function(evf_uninstrumented target)
  target_compile_options(${target} PRIVATE ${evf_warnings})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
endfunction()

function(evf_compile target)
  evf_uninstrumented(${target})
  target_compile_options(${target} PRIVATE ${evf_sanitizer_flags})
  target_link_options(${target} PRIVATE ${evf_sanitizer_flags})
  if(EVF_DEBUG_CHECKS)
    target_compile_definitions(${target} PRIVATE EVF_DEBUG_CHECKS=1)
  endif()
endfunction()
