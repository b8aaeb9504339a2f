/* SPDX-License-Identifier: MIT
 *
 * Texts and folders of a test; see server.h.
 */
#define SUPPORT_INSIDE
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

const char *test_text(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    int len;

    va_start(arguments, format);
    len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0)
        support_fail("no memory for a text");
    return text;
}

const char *test_plugin(const char *name)
{
    const char *folder = getenv("EVF_TEST_PLUGINS");

    if (folder == NULL)
        support_fail("EVF_TEST_PLUGINS names no folder");
    return test_text("%s/%s.so", folder, name);
}

const char *test_listen(const char *address, const char *plugin, const char *options)
{
    return test_text("%s=%s%s%s", address, test_plugin(plugin), options == NULL ? "" : ",",
                     options == NULL ? "" : options);
}

const char *test_folder(void)
{
    char *path = test_allocate(64);

    snprintf(path, 64, "/tmp/evf-test-XXXXXX");
    if (mkdtemp(path) == NULL)
        support_fail("mkdtemp: %m");
    return path;
}

void test_folder_remove(const char *path)
{
    DIR *folder = opendir(path);

    if (folder == NULL)
        support_fail("%s: %m", path);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    if (rmdir(path) != 0)
        support_fail("%s: %m", path);
}
