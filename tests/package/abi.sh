#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The library is what past and present versions of the ABI recorded, and the check that says so does
# say no: for every kind of change that is not allowed, and yes for those that are.
#
#   abi.sh SOURCE_FOLDER LIBRARY
set -eu

source=$1 library=$2
"$source/tools/abi" check "$library"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
number() {
    sed -n "s/^#define EVF_ABI_$1 //p" "$source/include/evframe/version.h"
}
version=$(number MAJOR).$(number MINOR)
status=0

# changed EXPECTED WHAT HEADER SCRIPT: the check of a library whose header went through `sed -E`.
# With nothing but declarations in it the library is made in no time.
changed() {
    rm -rf "$folder/tree"
    mkdir -p "$folder/tree/tools" "$folder/tree/tests" "$folder/library"
    cp -r "$source/include" "$folder/tree/"
    cp -r "$source/tests/abi" "$folder/tree/tests/"
    cp "$source/tools/abi" "$folder/tree/tools/"
    sed -i -E "$4" "$folder/tree/include/evframe/$3"
    if [ -n "$4" ] && cmp -s "$source/include/evframe/$3" "$folder/tree/include/evframe/$3"; then
        echo "$2: the script changes nothing"
        status=1
        return
    fi
    "$folder/tree/tools/abi" library "$version" "$folder/library"
    if "$folder/tree/tools/abi" check "$folder/library/libevframe.so" >"$folder/said" 2>&1; then
        verdict=kept
    else
        verdict=broken
    fi
    if [ $verdict != "$1" ]; then
        echo "$2: $verdict, and should be $1"
        cat "$folder/said"
        status=1
    fi
}

changed kept 'nothing' version.h ''
changed kept 'a function is added' version.h \
    's/^EVF_ANY_THREAD const char \*evf_version\(void\);/&\nEVF_ANY_THREAD int evf_more(void);/'
changed kept 'a sized struct grows at its end' plugin.h \
    '/^struct evf_plugin \{/,/^\}/s/^\};/int more;\n};/'
changed kept 'an error code is added' base.h \
    's/^( *X\(EVF_ESLOW, .*\)) *(\\)$/\1 X(EVF_EMORE, -4999, "more") \2/'
changed broken 'a function is removed' stream.h '/^EVF_API int evf_end\(/d'
changed broken 'a parameter is added' stream.h 's/^EVF_API int evf_end\(/&int how, /'
changed broken 'a result changes' timer.h 's/^EVF_API uint64_t evf_now/EVF_API uint32_t evf_now/'
changed broken 'a callback gets a parameter' stream.h \
    's/^typedef void evf_close_fn\(/&int more, /'
changed broken 'a field is inserted' plugin.h 's/^ *const char \*summary;/int more;\n&/'
changed broken 'fields change places' plugin.h \
    's/^( *const char \*)version;/\1other;/
     s/^( *const char \*)summary;/\1version;/
     s/\*other;/*summary;/'
changed broken 'a field changes its type, and the struct grows' plugin.h \
    '/^struct evf_plugin \{/,/^\}/s/^\};/int more;\n};/
     s/uint32_t worker_state_size/int32_t worker_state_size/'
changed broken 'a sized struct is shortened' plugin.h '/^ *evf_stop_fn \*stop;/d'
changed broken 'a struct without a size grows' slice.h 's/^ *struct evf_page \*page;/&\nint more;/'
changed broken 'a struct that plugins embed is shortened' timer.h 's/private_\[8\]/private_[7]/'
changed broken 'an enumerator is inserted' log.h \
    's/EVF_DEBUG, EVF_INFO/EVF_DEBUG, EVF_MORE, EVF_INFO/'
changed broken 'an error code changes' base.h 's/EVF_ESTUCK, -4103/EVF_ESTUCK, -4203/'
changed broken 'a flag changes' plugin.h 's/(EVF_OPTION_REQUIRED) 0x200u/\1 0x400u/'
changed broken 'a field is renamed' plugin.h 's/\*summary;/*about;/'

[ $status -ne 0 ] || echo "and the check tells what is allowed from what is not"
exit $status
