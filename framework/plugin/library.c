/* SPDX-License-Identifier: MIT
 *
 * Libraries: plugin files in memory; see library.h.
 *
 * A copy is opened as /proc/self/fd/N. Its descriptor stays open while the library is mapped,
 * because dlopen compares names before anything else: were N used again, the name would give the
 * old library. A library that dlclose leaves mapped (C++ with unique symbols, -z nodelete) keeps
 * its descriptor, and its place in the list, for ever.
 */
#include "plugin/library.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <evframe/base.h>

#include "base/assert.h"
#include "base/facts.h"
#include "base/list.h"
#include "plugin/elf.h"
#include "plugin/file.h"

struct evf__library {
    struct evf__list link;
    struct stat status; /* of the file, which says whether it is still the same */
    char *path;
    int fd;       /* of the copy */
    void *handle; /* NULL while closed */
    bool stays;   /* closed, dlclose left it mapped */
    const void *descriptor;
    size_t descriptor_size;
    unsigned holds;
};

static pthread_mutex_t libraries_lock = PTHREAD_MUTEX_INITIALIZER;
static struct evf__list libraries = { &libraries, &libraries };

enum { FD_NAME_SIZE = 32 };

static const char *fd_name(int fd, char buffer[FD_NAME_SIZE])
{
    snprintf(buffer, FD_NAME_SIZE, "/proc/self/fd/%d", fd);
    return buffer;
}

static struct evf__library *find_same(const struct stat *status)
{
    for (struct evf__list *at = libraries.next; at != &libraries; at = at->next) {
        struct evf__library *library = EVF__OWNER(at, struct evf__library, link);
        if (evf__file_same(&library->status, status))
            return library;
    }
    return NULL;
}

/* Asks the ELF file itself, because dlopen would say less, or fall over a file that was cut. */
static int check_copy(const struct evf__library *library, struct evf__sentence *error)
{
    size_t size = (size_t)library->status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, library->fd, 0);
    if (bytes == MAP_FAILED)
        return -ENOMEM;
    char reason[256];
    struct evf__sentence why;
    evf__sentence_init(&why, reason, sizeof(reason));
    bool fine = evf__elf_check(bytes, size, &why);
    munmap(bytes, size);
    if (!fine) {
        evf__sentence_clean(error, library->path);
        evf__sentence_add(error, " %s", reason);
    }
    return fine ? 0 : EVF_EPLUGIN;
}

/* Passes on what dlopen said, with the file's own path where dlopen names the copy. */
static void add_loader_text(struct evf__sentence *error, const char *text, const char *name,
                            const char *path)
{
    size_t len = strlen(name);
    if (strncmp(text, name, len) == 0 && strncmp(text + len, ": ", 2) == 0)
        text += len + 2;
    const char *found;
    while ((found = strstr(text, name)) != NULL) {
        evf__sentence_clean_part(error, text, (size_t)(found - text));
        evf__sentence_clean(error, path);
        text = found + len;
    }
    evf__sentence_clean(error, text);
}

/* Finds evf_plugin in this very file: dlsym would also take that of a library it is linked with. */
static int find_descriptor(struct evf__library *library, struct evf__sentence *error)
{
    const void *descriptor = dlsym(library->handle, "evf_plugin");
    struct link_map *own = NULL, *owner = NULL;
    const ElfW(Sym) *symbol = NULL;
    Dl_info ignored;
    if (descriptor == NULL || dlinfo(library->handle, RTLD_DI_LINKMAP, &own) != 0 ||
        dladdr1(descriptor, &ignored, (void **)&owner, RTLD_DL_LINKMAP) == 0 || owner != own) {
        evf__sentence_clean(error, library->path);
        evf__sentence_add(error, " has no symbol evf_plugin: declare it with EVF_PLUGIN");
        return EVF_EPLUGIN;
    }
    if (dladdr1(descriptor, &ignored, (void **)&symbol, RTLD_DL_SYMENT) == 0 || symbol == NULL ||
        ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT) {
        evf__sentence_clean(error, library->path);
        evf__sentence_add(error,
                          ": the symbol evf_plugin is no object: declare it with EVF_PLUGIN");
        return EVF_EPLUGIN;
    }
    library->descriptor = descriptor;
    library->descriptor_size = symbol->st_size;
    return 0;
}

/* Closes the handle, and finds out whether the library is still mapped by asking for it by name. */
static void unload(struct evf__library *library)
{
    char name[FD_NAME_SIZE];
    evf__doing = (struct evf__doing){ .what = "unloading", .file = library->path };
    dlclose(library->handle);
    evf__doing.what = NULL;
    library->handle = NULL;
    void *still = dlopen(fd_name(library->fd, name), RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    library->stays = still != NULL;
    if (still != NULL)
        dlclose(still);
}

/* Maps the copy and runs its constructors. */
static int load(struct evf__library *library, struct evf__sentence *error)
{
    char name[FD_NAME_SIZE];
    fd_name(library->fd, name);
    if (access(name, R_OK) != 0) {
        evf__sentence_clean(error, library->path);
        evf__sentence_add(error, " cannot be loaded: %s is not there; /proc must be mounted", name);
        return EVF_EPLUGIN;
    }
    evf__doing = (struct evf__doing){ .what = "loading", .file = library->path };
    library->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    evf__doing.what = NULL;
    if (library->handle == NULL) {
        const char *text = dlerror();
        evf__sentence_clean(error, library->path);
        evf__sentence_add(error, " cannot be loaded: ");
        add_loader_text(error, text != NULL ? text : "no reason given", name, library->path);
        return EVF_EPLUGIN;
    }
    int code = find_descriptor(library, error);
    if (code != 0)
        unload(library);
    return code;
}

/* What is still mapped goes on the list of libraries, where it may be on already. */
static void destroy(struct evf__library *library)
{
    if (library->handle != NULL)
        unload(library);
    if (library->stays) {
        if (!evf__list_on(&library->link))
            evf__list_append(&libraries, &library->link);
        return;
    }
    evf__list_remove(&library->link);
    if (library->fd >= 0)
        close(library->fd);
    free(library->path);
    free(library);
}

/* A library that was closed but stayed mapped is opened again by its old name. */
static int hold(struct evf__library *library, struct evf__sentence *error)
{
    if (library->holds == 0) {
        int code = load(library, error);
        if (code != 0)
            return code;
    }
    library->holds++;
    return 0;
}

/* Takes the path over, whatever happens. */
static int make(int fd, char *path, const struct stat *status, struct evf__library **ret,
                struct evf__sentence *error)
{
    struct evf__library *library = calloc(1, sizeof(*library));
    if (library == NULL) {
        free(path);
        return -ENOMEM;
    }
    library->path = path;
    library->status = *status;
    library->fd = -1;
    int code = evf__file_copy(fd, path, status, &library->fd, error);
    if (code == 0)
        code = check_copy(library, error);
    if (code == 0)
        code = hold(library, error);
    if (code != 0) {
        destroy(library);
        return code;
    }
    evf__list_append(&libraries, &library->link);
    *ret = library;
    return 0;
}

int evf__library_open(const char *name, const char *search_path, struct evf__library **ret,
                      struct evf__sentence *error)
{
    int fd;
    char *path;
    struct stat status;
    int code = evf__file_find(name, search_path, &fd, &path, &status, error);
    if (code != 0)
        return code;
    pthread_mutex_lock(&libraries_lock);
    struct evf__library *library = find_same(&status);
    if (library != NULL) {
        free(path);
        code = hold(library, error);
        if (code == 0)
            *ret = library;
    } else {
        code = make(fd, path, &status, ret, error);
        if (code == -ENOMEM)
            evf__sentence_add(error, "no memory is left");
    }
    pthread_mutex_unlock(&libraries_lock);
    close(fd);
    return code;
}

void evf__library_drop(struct evf__library *library)
{
    if (library == NULL)
        return;
    pthread_mutex_lock(&libraries_lock);
    EVF_ASSERT(library->holds > 0);
    if (--library->holds == 0)
        destroy(library);
    pthread_mutex_unlock(&libraries_lock);
}

const void *evf__library_descriptor(const struct evf__library *library, size_t *ret_size)
{
    EVF_ASSERT(library->holds > 0);
    *ret_size = library->descriptor_size;
    return library->descriptor;
}

const char *evf__library_path(const struct evf__library *library)
{
    return library->path;
}
