/* SPDX-License-Identifier: MIT
 *
 * Listeners: from an address as text to listening sockets.
 *
 * A listener is parsed when it is added, opened at the start, and closed when accepting ends. Most
 * have one socket; one whose host is a name has a socket for each of its addresses. Main thread,
 * but for evf__listener_hide and evf__listener_close, which whoever accepts for it may call when
 * nobody else uses it any more.
 *
 * Unix sockets. A file left by a dead server is replaced; only ECONNREFUSED proves it dead. So that
 * two servers cannot both do so, each locks PATH.lock first, and holds the lock as long as it
 * listens. Anything at the path that is not a dead socket is an error and is left alone. The file
 * has mode 0660 where nothing else is asked for, owner and mode being set before the socket
 * listens, and is removed at the end if device and inode are still ours; so is the lock, if it is
 * empty.
 */
#ifndef EVF_SERVER_LISTENER_H
#define EVF_SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "loop/resolver.h"
#include "plugin/instance.h"
#include "stream/stream.h"

enum evf__listener_kind {
    EVF__LISTENER_TCP,
    EVF__LISTENER_UNIX,
    EVF__LISTENER_INHERITED /* fd:N, of any family */
};

/* A unix socket's file and the lock beside it. */
struct evf__socket_file {
    int lock_fd; /* -1: not locked */
    bool bound;  /* the file is ours, by device and inode */
    dev_t device;
    ino_t inode;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* One address that a listener is bound to. */
struct evf__listener_socket {
    struct sockaddr_storage wanted; /* not of fd:N */
    socklen_t wanted_len;

    /* set when it is opened */
    int fd; /* -1: not open, or given to whoever accepts */
    struct sockaddr_storage bound;
    socklen_t bound_len;           /* 0: not bound yet */
    char name[EVF_PEER_NAME_SIZE]; /* the bound address as text */
};

struct evf__listener {
    /* set when it is added */
    char *text; /* the address as given */
    enum evf__listener_kind kind;
    bool every; /* no host: all addresses of both families */
    char *host; /* a name, which is looked up before it is opened; else NULL */
    uint16_t port;
    int inherited_fd;     /* of fd:N; taken over when it is opened */
    int inherited_family; /* AF_INET, AF_INET6 or AF_UNIX */
    evf_instance *instance;
    struct evf__origin origin;

    struct evf__listener_socket *sockets; /* none of a name that was not looked up */
    unsigned socket_count;
    int backlog; /* set when it is opened */
    struct evf__socket_file file;
};

/* Fills ret, zeroed before, from text; evf__listener_fini frees it. The descriptor of fd:N is
 * looked at. 0; EVF_EADDRESS, -ENOMEM, or what is wrong with the descriptor (-EBADF, -ENOTSOCK,
 * -EPROTOTYPE, -EINVAL), with a sentence in error. */
int evf__listener_init(struct evf__listener *ret, const char *text, char *error, size_t error_size);
/* Closes it first where it is still open. */
void evf__listener_fini(struct evf__listener *listener);

/* listener_name.c: looks a name up, with which it gets its sockets; waits as long as the settings
 * say. Others have theirs already. 0, or a negative code with a sentence in error. */
int evf__listener_resolve(struct evf__listener *listener,
                          const struct evf__resolver_settings *settings, char *error,
                          size_t error_size);

struct evf__listen_settings {
    int backlog;
    bool share_port; /* other sockets of this process will listen on the same port */
    struct evf__socket_settings socket;
};

/* Binds and listens; takes an inherited descriptor over. 0, or a negated errno with a sentence in
 * error that names the address, the reason and what to do. */
int evf__listener_open(struct evf__listener *listener, const struct evf__listen_settings *settings,
                       char *error, size_t error_size);

/* Makes one more socket for the address of an open TCP listener's socket, with share_port. The
 * descriptor, or a negated errno as above. */
int evf__listener_open_more(const struct evf__listener *listener,
                            const struct evf__listener_socket *beside,
                            const struct evf__listen_settings *settings, char *error,
                            size_t error_size);

/* Removes a unix socket's file, so that nobody new finds it, while it still listens. */
void evf__listener_hide(struct evf__listener *listener);
/* Closes what is open, removes the file, and only then gives the lock back. */
void evf__listener_close(struct evf__listener *listener);

/* Writes "cannot listen on ADDRESS: …" and gives the status back. */
__attribute__((format(printf, 5, 6))) int evf__listener_refuse(const struct evf__listener *listener,
                                                               int status, char *error, size_t size,
                                                               const char *format, ...);

/* -- listener_options.c -- */

/* Whether the settings make sense for that kind of listener. 0, or EVF_EOPTION with a sentence in
 * error that names the listener, the option and the reason. */
int evf__listener_check(const struct evf__listener *listener,
                        const struct evf__socket_settings *settings, char *error,
                        size_t error_size);
/* Sets on a TCP socket what its connections inherit, and what must be there before it is bound. 0,
 * or a negated errno with *ret_option, the option that it is about. */
int evf__socket_prepare(int fd, int family, const struct evf__socket_settings *settings,
                        const char **ret_option);

/* -- inherited.c -- */

/* Whether the descriptor can be listened with, and its family. As evf__listener_init. */
int evf__inherited_check(struct evf__listener *listener, char *error, size_t error_size);
/* Takes it over: what it was is changed from here on. As evf__listener_open. */
int evf__inherited_take(struct evf__listener *listener, const struct evf__listen_settings *settings,
                        char *error, size_t error_size);

/* -- unix_listener.c -- */

/* Locks, removes a dead socket, binds `fd` to the path and gives the file its owner and mode. On
 * failure nothing is left behind. error gets the reason alone. */
int evf__socket_file_bind(struct evf__socket_file *file, int fd, const struct sockaddr_un *address,
                          socklen_t address_len, const struct evf__socket_settings *settings,
                          char *error, size_t error_size);
void evf__socket_file_remove(struct evf__socket_file *file);
/* Removes too, then unlocks. */
void evf__socket_file_release(struct evf__socket_file *file);

#endif
