/* SPDX-License-Identifier: MIT
 *
 * The one include that serves a plugin.
 */
#ifndef EVFRAME_EVFRAME_H
#define EVFRAME_EVFRAME_H

#include <evframe/address.h>
#include <evframe/base.h>
#include <evframe/log.h>
#include <evframe/plugin.h>
#include <evframe/server.h>
#include <evframe/slice.h>
#include <evframe/stream.h>
#include <evframe/timer.h>
#include <evframe/version.h>
#include <evframe/worker.h>

#endif
