/* SPDX-License-Identifier: MIT
 *
 * http: a server for HTTP/1.1 and HTTP/1.0. It sends files (root=), one fixed answer (body=,
 * status=, type=), or a welcome page.
 *
 * This file is the plugin's descriptor: options, instances, workers. start and stop run on the main
 * thread, worker_start and worker_stop on each worker.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "page.h"
#include "parser.h"
#include "server.h"

static const struct evf_option options[] = {
    { .name = "root", .type = EVF_OPTION_PATH, .help = "serve the files in this folder" },
    { .name = "body", .type = EVF_OPTION_STRING, .help = "answer every request with this text" },
    { .name = "status",
      .type = EVF_OPTION_INT,
      .min = 200,
      .max = 599,
      .help = "status of the fixed answer; default 200" },
    { .name = "type",
      .type = EVF_OPTION_STRING,
      .help = "media type of the fixed answer; default text/plain; charset=utf-8" },
    { .name = "max-line",
      .type = EVF_OPTION_SIZE,
      .default_value = "8k",
      .min = 64,
      .max = 64 * 1024,
      .help = "longest request line, else 414" },
    { .name = "max-head",
      .type = EVF_OPTION_SIZE,
      .default_value = "32k",
      .min = 256,
      .max = 1024 * 1024,
      .help = "largest request head, request line included, else 431" },
    { .name = "max-body",
      .type = EVF_OPTION_SIZE,
      .default_value = "1m",
      .min = 0,
      .max = (int64_t)1 << 50,
      .help = "largest request body, which is read and discarded, else 413" },
    { .name = "header-timeout",
      .type = EVF_OPTION_DURATION,
      .default_value = "10s",
      .min = 1,
      .max = 24 * 3600 * 1000,
      .help = "time for a request's head from its first byte on, else 408" },
    { .name = "body-timeout",
      .type = EVF_OPTION_DURATION,
      .default_value = "30s",
      .min = 1,
      .max = 24 * 3600 * 1000,
      .help = "time between two pieces of a request's body, else 408" },
    { 0 },
};

#define BIT(method) HTTP_METHOD_BIT(HTTP_##method)

/* Media types are visible ASCII and blanks: anything else could end the field. */
static bool is_type(const char *type)
{
    size_t len = strlen(type);
    if (len == 0 || len > HTTP_TYPE_MAX || strchr(type, '/') == NULL)
        return false;
    for (size_t i = 0; i < len; i++)
        if (type[i] < 0x20 || type[i] > 0x7e)
            return false;
    return true;
}

static int start_files(evf_instance *instance, struct http_instance *http, const char *path)
{
    static const char *const others[] = { "body", "status", "type" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (evf_option_count(instance, others[i]) > 0)
            return evf_fail(instance, "root and %s exclude each other: files or a fixed answer",
                            others[i]);
    int root = http_root_open(path, &http->kernel_knows_cached);
    if (root == -ENOSYS)
        return evf_fail(instance,
                        "root=%s needs openat2, which this kernel lacks: Linux 5.6 or newer", path);
    if (root < 0)
        return evf_fail(instance, "root=%s cannot be opened: %s", path, evf_strerror(root));
    http->root = root;
    http->rules.methods = BIT(GET) | BIT(HEAD) | BIT(OPTIONS);
    http->allow = "GET, HEAD, OPTIONS";
    return 0;
}

static int start_fixed(evf_instance *instance, struct http_instance *http)
{
    const char *body = evf_option_string(instance, "body");
    const char *type = evf_option_string(instance, "type");
    bool has_status = evf_option_count(instance, "status") > 0;
    if (type != NULL && !is_type(type))
        return evf_fail(
            instance, "type=%s is no media type: at most %d visible ASCII characters with a slash",
            type, HTTP_TYPE_MAX);
    http->status = has_status ? (uint16_t)evf_option_int(instance, "status") : 200;
    http->type = type != NULL ? type : "text/plain; charset=utf-8";
    if (body == NULL && !has_status && type == NULL) {
        http->page = http_page_create(evf_version(), evf_worker_count(instance));
        http->type = HTTP_PAGE_TYPE;
        body = http->page;
    } else if (body == NULL) {
        char text[HTTP_ERROR_BODY_MAX];
        size_t len = http_error_body(http->status, text);
        http->page = strndup(text, len);
        body = http->page;
    }
    if (body == NULL)
        return evf_fail(instance, "no memory for the fixed answer");
    http->body = (struct http_text){ body, strlen(body) };
    if (!http_status_has_body(http->status))
        http->body.len = 0;
    http->rules.methods = ~(BIT(CONNECT) | BIT(TRACE));
    http->allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    return 0;
}

static int make_counters(evf_instance *instance, struct http_instance *http)
{
    static const char *const names[6][2] = {
        [2] = { "responses_2xx", "responses with a status from 200 to 299" },
        [3] = { "responses_3xx", "responses with a status from 300 to 399" },
        [4] = { "responses_4xx", "responses with a status from 400 to 499" },
        [5] = { "responses_5xx", "responses with a status from 500 to 599" },
    };
    http->requests = evf_counter_new(instance, "requests", "requests that were answered");
    bool missing = http->requests == NULL;
    for (int i = 2; i < 6; i++) {
        http->statuses[i] = evf_counter_new(instance, names[i][0], names[i][1]);
        missing = missing || http->statuses[i] == NULL;
    }
    return missing ? evf_fail(instance, "no room for another instance's counters") : 0;
}

static void http_stop(evf_instance *instance)
{
    struct http_instance *http = evf_instance_state(instance);
    free(http->page);
    http->page = NULL;
    if (http->root >= 0)
        close(http->root);
    http->root = -1;
}

static int http_start(evf_instance *instance)
{
    struct http_instance *http = evf_instance_state(instance);
    const char *root = evf_option_string(instance, "root");
    http->root = -1;
    http->rules.run = http_parser_best();
    http->rules.max_line = (uint32_t)evf_option_int(instance, "max-line");
    http->rules.max_head = (uint32_t)evf_option_int(instance, "max-head");
    http->rules.max_body = (uint64_t)evf_option_int(instance, "max-body");
    http->header_timeout_ms = (uint32_t)evf_option_int(instance, "header-timeout");
    http->body_timeout_ms = (uint32_t)evf_option_int(instance, "body-timeout");
    int error = root != NULL ? start_files(instance, http, root) : start_fixed(instance, http);
    if (error == 0)
        error = make_counters(instance, http);
    if (error < 0)
        http_stop(instance);
    return error;
}

static int http_worker_start(evf_instance *instance, evf_worker *evf)
{
    struct http_worker *worker = evf_worker_state(instance, evf);
    const struct http_instance *http = evf_instance_state(instance);
    worker->worker = evf;
    worker->instance = instance;
    worker->http = http;
    if (http->root >= 0)
        return 0;
    struct http_response response = { .status = http->status };
    response.has_length = http->status != 204 && http->status != 304;
    response.length = http->body.len;
    if (http_status_has_body(http->status))
        response.type = http->type;
    if (http_prepare(&worker->fixed, &response, http->body) < 0)
        return evf_fail(instance, "no memory for the fixed answer");
    return 0;
}

static void http_worker_stop(evf_instance *instance, evf_worker *evf)
{
    struct http_worker *worker = evf_worker_state(instance, evf);
    evf_timer_stop(&worker->half_grace);
    while (worker->exchanges != NULL) {
        struct http_exchange *exchange = worker->exchanges;
        worker->exchanges = exchange->next;
        free(exchange);
    }
    worker->exchange_count = 0;
    http_prepared_fini(&worker->fixed);
    http_static_fini(worker);
}

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "http",
    .version = EVF_VERSION,
    .summary = "serves files or a fixed answer over HTTP/1.1 and HTTP/1.0",
    .options = options,
    .handler = &http_handler,
    .instance_state_size = sizeof(struct http_instance),
    .worker_state_size = sizeof(struct http_worker),
    .start = http_start,
    .worker_start = http_worker_start,
    .worker_stop = http_worker_stop,
    .stop = http_stop,
};
