# SPDX-License-Identifier: MIT
#
# Building one of the presets of CMakePresets.json, in build/<preset>. Sourced by bash, with `root`
# naming the source folder.

# build_preset NAME [TARGET…]: configures when that was never done, then builds. Nothing is said when
# nothing has to be done.
build_preset() {
    local preset=$1
    shift
    local folder=$root/build/$preset
    if [[ ! -e $folder/build.ninja ]]; then
        echo "configuring build/$preset" >&2
        mkdir -p "$root/build"
        (cd "$root" && cmake --preset "$preset" >"$root/build/$preset.log" 2>&1) || {
            cat "$root/build/$preset.log" >&2
            return 1
        }
        echo "building build/$preset" >&2
    fi
    ninja --quiet -C "$folder" "$@" 2>&1 | { grep -v '^ninja: no work to do' || true; } >&2
}
