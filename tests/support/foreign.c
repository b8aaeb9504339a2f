/* SPDX-License-Identifier: MIT
 *
 * nginx and HAProxy as children; see foreign.h.
 */
#define SUPPORT_INSIDE
#include "foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"
#include "server.h"

struct foreign {
    pid_t pid;
    const char *folder, *configuration_path;
    char address[64];
    int listener;
};

static struct foreign *prepare(void)
{
    struct foreign *foreign = test_allocate(sizeof *foreign);
    foreign->folder = test_folder();
    foreign->configuration_path = test_text("%s/configuration", foreign->folder);
    foreign->listener = (peer_listen)("127.0.0.1:0", foreign->address, sizeof foreign->address);
    return foreign;
}

static void configure(const struct foreign *foreign, const char *text)
{
    FILE *file = fopen(foreign->configuration_path, "we");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        support_fail("%s: %m", foreign->configuration_path);
}

/* Our socket, if it is still open, is its descriptor 3. */
static void launch(struct foreign *foreign, const char *program, const char *const *arguments)
{
    fflush(NULL);
    foreign->pid = fork();
    if (foreign->pid < 0)
        support_fail("fork: %m");
    if (foreign->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int log = open(test_text("%s/output", foreign->folder), O_CREAT | O_WRONLY | O_APPEND, 0600);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(log, 1);
    dup2(log, 2);
    bool inherits = foreign->listener >= 0;
    if (inherits)
        dup2(foreign->listener, 3);
    syscall(SYS_close_range, inherits ? 4 : 3, ~0u, 0);
    execv(program, (char *const *)arguments);
    _exit(127);
}

static bool serves(void *argument)
{
    const struct foreign *foreign = argument;
    int fd = (peer_try_connect)(foreign->address);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

struct foreign *(foreign_nginx)(const char *listen_words, const char *server_lines)
{
    struct foreign *foreign = prepare();
    const char *folder = foreign->folder;
    configure(foreign,
              test_text("daemon off;\nmaster_process off;\npid %s/pid;\nerror_log %s/errors;\n"
                        "events { worker_connections 1024; }\n"
                        "http {\naccess_log off;\nclient_body_temp_path %s/1;\n"
                        "proxy_temp_path %s/2;\nfastcgi_temp_path %s/3;\nuwsgi_temp_path %s/4;\n"
                        "scgi_temp_path %s/5;\n"
                        "server {\nlisten %s %s;\nroot %s;\n%s\n}\n}\n",
                        folder, folder, folder, folder, folder, folder, folder, foreign->address,
                        listen_words, folder, server_lines));
    const char *const arguments[] = {
        "nginx", "-e", test_text("%s/errors", folder), "-c", foreign->configuration_path, NULL
    };
    close(foreign->listener);
    foreign->listener = -1;
    launch(foreign, "/usr/sbin/nginx", arguments);
    if (!wait_until(deadline_usual(), serves, foreign))
        support_fail("nginx does not serve: see %s", folder);
    return foreign;
}

struct foreign *(foreign_haproxy)(const char *bind_words, const char *lines)
{
    struct foreign *foreign = prepare();
    configure(foreign, test_text("defaults\n mode tcp\n timeout connect 10s\n timeout client 60s\n"
                                 " timeout server 60s\nlisten it\n bind fd@3 %s\n%s\n",
                                 bind_words, lines));
    const char *const arguments[] = { "haproxy", "-db", "-f", foreign->configuration_path, NULL };
    launch(foreign, "/usr/sbin/haproxy", arguments);
    close(foreign->listener);
    return foreign;
}

const char *foreign_address(const struct foreign *foreign)
{
    return foreign->address;
}

const char *foreign_folder(const struct foreign *foreign)
{
    return foreign->folder;
}

static void remove_folder(const char *folder)
{
    static const char *const inside[] = { "1", "2", "3", "4", "5" };
    for (unsigned i = 0; i < sizeof inside / sizeof *inside; i++)
        (void)rmdir(test_text("%s/%s", folder, inside[i]));
    test_folder_remove(folder);
}

void foreign_stop(struct foreign *foreign)
{
    int status;
    pid_t ended = waitpid(foreign->pid, &status, WNOHANG);
    if (ended == foreign->pid)
        support_fail("the other server ended by itself, status %d: see %s", status,
                     foreign->folder);
    kill(foreign->pid, SIGKILL);
    waitpid(foreign->pid, &status, 0);
    remove_folder(foreign->folder);
    free(foreign);
}
