/* SPDX-License-Identifier: MIT
 *
 * Listeners: from an address as text to a listening socket.
 *
 * A listener is parsed when it is added, opened at the start, and closed when accepting ends. Main
 * thread, but for evf__listener_hide and evf__listener_close, which whoever accepts for it may call
 * when nobody else uses it any more.
 *
 * Unix sockets. A file left by a dead server is replaced; only ECONNREFUSED proves it dead. So that
 * two servers cannot both do so, each locks PATH.lock first, and holds the lock as long as it
 * listens. Anything at the path that is not a dead socket is an error and is left alone. The file
 * has mode 0660, owner and mode being set before the socket listens, and is removed at the end if
 * device and inode are still ours; so is the lock, if it is empty.
 */
#ifndef EVF_SERVER_LISTENER_H
#define EVF_SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

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

struct evf__listener {
    /* set when it is added */
    char *text; /* the address as given */
    enum evf__listener_kind kind;
    bool every; /* no host: all addresses of both families */
    struct sockaddr_storage wanted;
    socklen_t wanted_len;
    int inherited_fd; /* of fd:N; taken over when it is opened */
    evf_instance *instance;
    struct evf__origin origin;

    /* set when it is opened */
    int fd; /* -1: not open, or given to whoever accepts */
    int backlog;
    struct sockaddr_storage bound;
    socklen_t bound_len;           /* 0: not bound yet */
    char name[EVF_PEER_NAME_SIZE]; /* the bound address as text */
    struct evf__socket_file file;
};

/* Fills ret, zeroed before, from text; evf__listener_fini frees it. 0, EVF_EADDRESS or -ENOMEM with
 * a sentence in error. */
int evf__listener_init(struct evf__listener *ret, const char *text, char *error, size_t error_size);
/* Closes it first where it is still open. */
void evf__listener_fini(struct evf__listener *listener);

struct evf__listen_settings {
    int backlog;
    bool share_port; /* other sockets of this process will listen on the same port */
};

/* Binds and listens; takes an inherited descriptor over. 0, or a negated errno with a sentence in
 * error that names the address, the reason and what to do. */
int evf__listener_open(struct evf__listener *listener, const struct evf__listen_settings *settings,
                       char *error, size_t error_size);

/* Makes one more socket for the port of an open TCP listener with share_port. The descriptor, or a
 * negated errno as above. */
int evf__listener_open_more(const struct evf__listener *listener, char *error, size_t error_size);

/* Removes a unix socket's file, so that nobody new finds it, while it still listens. */
void evf__listener_hide(struct evf__listener *listener);
/* Closes what is open, removes the file, and only then gives the lock back. */
void evf__listener_close(struct evf__listener *listener);

/* -- unix_listener.c -- */

/* Locks, removes a dead socket, binds `fd` to the path and gives the file its mode. On failure
 * nothing is left behind. error gets the reason alone. */
int evf__socket_file_bind(struct evf__socket_file *file, int fd, const struct sockaddr_un *address,
                          socklen_t address_len, char *error, size_t error_size);
void evf__socket_file_remove(struct evf__socket_file *file);
/* Removes too, then unlocks. */
void evf__socket_file_release(struct evf__socket_file *file);

#endif
