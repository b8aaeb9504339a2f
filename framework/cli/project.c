/* SPDX-License-Identifier: MIT
 *
 * Makes a project from the templates.
 *
 * Templates are real files, which build as they are: templates/common and one folder for each
 * protocol. The name in them, myproto, is replaced, in what they say as in what they are called.
 * All is read before anything is written, so that what is missing leaves nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <evframe/base.h>

#include "base/limits.h"
#include "cli/new.h"

enum { FILES_MAX = 8 };

static const char placeholder[] = "myproto";

const struct evf__project_file evf__project_files[] = {
    { "myproto.c", "the plugin" },       { "myproto_test.c", "its tests, on the simulator" },
    { "PROTOCOL.md", "what it speaks" }, { "README.md", "how to build, test and run it" },
    { "Makefile", "for make" },          { "CMakeLists.txt", "for CMake" },
    { "gitignore", "for git" },          { NULL, NULL },
};

struct text {
    char *bytes;
    size_t len;
};

/* The text with the name in every place of the placeholder. To be freed; NULL for lack of memory.
 */
static char *replaced(const char *text, const char *name, size_t *ret_len)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, ret_len);
    if (out == NULL)
        return NULL;
    const char *found;
    while ((found = strstr(text, placeholder)) != NULL) {
        fprintf(out, "%.*s%s", (int)(found - text), text, name);
        text = found + strlen(placeholder);
    }
    fputs(text, out);
    if (fclose(out) != 0) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

char *evf__project_file_name(const struct evf__project_file *file, const char *name)
{
    size_t len;
    if (strcmp(file->template, "gitignore") == 0)
        return strdup(".gitignore");
    return replaced(file->template, name, &len);
}

/* Reads a template, from the protocol's folder or the common one. 0, or a negated errno with the
 * path in `path`. */
static int read_template(const char *templates, const char *protocol, const char *name, char *path,
                         size_t path_size, char ret[EVF__TEMPLATE_SIZE_MAX + 1])
{
    snprintf(path, path_size, "%s/%s/%s", templates, protocol, name);
    FILE *file = fopen(path, "re");
    if (file == NULL && errno == ENOENT) {
        snprintf(path, path_size, "%s/common/%s", templates, name);
        file = fopen(path, "re");
    }
    if (file == NULL)
        return -errno;
    errno = 0;
    size_t len = fread(ret, 1, EVF__TEMPLATE_SIZE_MAX + 1, file);
    int code = ferror(file) ? -(errno != 0 ? errno : EIO) : 0;
    fclose(file);
    if (code == 0 && len > EVF__TEMPLATE_SIZE_MAX)
        code = -EFBIG;
    if (code == 0)
        ret[len] = '\0';
    return code;
}

static int read_all(const char *templates, const char *protocol, const char *name,
                    struct text texts[FILES_MAX], char *error, size_t error_size)
{
    char path[PATH_MAX + 64];
    char *raw = malloc(EVF__TEMPLATE_SIZE_MAX + 1);
    int code = raw == NULL ? -ENOMEM : 0;
    path[0] = '\0';
    for (unsigned i = 0; code == 0 && evf__project_files[i].template != NULL; i++) {
        code = read_template(templates, protocol, evf__project_files[i].template, path,
                             sizeof(path), raw);
        if (code != 0)
            break;
        texts[i].bytes = replaced(raw, name, &texts[i].len);
        if (texts[i].bytes == NULL)
            code = -ENOMEM;
    }
    free(raw);
    if (code == -ENOENT)
        snprintf(error, error_size,
                 "there is no template %s: evframe's files for development are not installed",
                 path);
    else if (code != 0)
        snprintf(error, error_size, "cannot read the template %s: %s", path, evf_strerror(code));
    return code;
}

/* Writes one new file. 0, or a negated errno; what was begun stays to be removed. */
static int write_file(int folder, const char *name, const struct text *text)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    int code = 0;
    for (size_t done = 0; code == 0 && done < text->len;) {
        ssize_t written = write(fd, text->bytes + done, text->len - done);
        if (written >= 0)
            done += (size_t)written;
        else if (errno != EINTR)
            code = -errno;
    }
    if (close(fd) != 0 && code == 0)
        code = -errno;
    return code;
}

/* Takes away the first `count` files, and the folder. */
static void remove_all(int folder, const char *name, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char *file = evf__project_file_name(&evf__project_files[i], name);
        if (file != NULL)
            unlinkat(folder, file, 0);
        free(file);
    }
    rmdir(name);
}

static int write_all(int folder, const char *name, const struct text *texts, char *error,
                     size_t error_size)
{
    unsigned begun = 0;
    int code = 0;
    while (code == 0 && evf__project_files[begun].template != NULL) {
        char *file = evf__project_file_name(&evf__project_files[begun], name);
        code = file == NULL ? -ENOMEM : write_file(folder, file, &texts[begun]);
        if (code != 0)
            snprintf(error, error_size, "cannot write %s/%s: %s; nothing of it was left", name,
                     file != NULL ? file : "", evf_strerror(code));
        free(file);
        begun++;
    }
    if (code != 0)
        remove_all(folder, name, begun);
    return code;
}

static int write_folder(const char *name, const struct text *texts, char *error, size_t error_size)
{
    if (mkdir(name, 0777) != 0) {
        int code = -errno;
        if (code == -EEXIST)
            snprintf(error, error_size,
                     "'%s' is there already: choose another name, or another folder to make it in",
                     name);
        else
            snprintf(error, error_size, "cannot make the folder %s: %s", name, evf_strerror(code));
        return code;
    }
    int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        int code = -errno;
        rmdir(name);
        snprintf(error, error_size, "cannot open the folder %s: %s", name, evf_strerror(code));
        return code;
    }
    int code = write_all(folder, name, texts, error, error_size);
    close(folder);
    return code;
}

int evf__project_make(const char *templates, const char *protocol, const char *name, char *error,
                      size_t error_size)
{
    struct text texts[FILES_MAX] = { 0 };
    _Static_assert(sizeof(evf__project_files) / sizeof(*evf__project_files) <= FILES_MAX,
                   "room for every file");
    int code = read_all(templates, protocol, name, texts, error, error_size);
    if (code == 0)
        code = write_folder(name, texts, error, error_size);
    for (unsigned i = 0; i < FILES_MAX; i++)
        free(texts[i].bytes);
    return code;
}
