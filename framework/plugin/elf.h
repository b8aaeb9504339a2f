/* SPDX-License-Identifier: MIT
 *
 * Whether some bytes are a shared object that this process can load.
 *
 * dlopen's own messages for files of the wrong kind are short of a reason, and a file that was cut
 * makes it touch memory that does not exist. So this is asked first. It reads the file's header,
 * its program headers and its dynamic section, and nothing outside the bytes it was given. Pure,
 * any thread.
 */
#ifndef EVF_PLUGIN_ELF_H
#define EVF_PLUGIN_ELF_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin/sentence.h"

/* True, or false with the reason added to error ("is not an ELF file"). */
bool evf__elf_check(const void *bytes, size_t size, struct evf__sentence *error);

#endif
