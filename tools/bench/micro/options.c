/* SPDX-License-Identifier: MIT
 *
 * Options by name: what evf_option_int and its like cost a plugin that asks for them at run time,
 * rather than once in `start`. `size` is the number of options in the schema, of which the last and
 * the first are asked for.
 *
 * Usage: options [--repetitions N]
 */
#include <stdio.h>
#include <stdlib.h>

#include "measure.h"
#include "plugin/instance.h"

enum { OPTIONS_MAX = 64, LOOKUPS = 400000 };

static unsigned repetitions = 5;

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };

static void measure(const evf_instance *instance, const char *name, const char *operation,
                    unsigned size)
{
    for (unsigned r = 0; r < repetitions; r++) {
        measure_begin();
        for (unsigned i = 0; i < LOOKUPS; i++) {
            opaque(name);
            if (evf_option_int(instance, name) != 7)
                abort();
        }
        measure_end(LOOKUPS);
        measure_repeat();
    }
    measure_print("options", NULL, operation, size);
}

static void measure_schema(unsigned size)
{
    static char names[OPTIONS_MAX][24];
    static struct evf_option schema[OPTIONS_MAX + 1];
    for (unsigned i = 0; i < size; i++) {
        snprintf(names[i], sizeof names[i], "some-number-%u", i);
        schema[i] = (struct evf_option){
            .name = names[i], .type = EVF_OPTION_INT, .default_value = "7", .help = "a number"
        };
    }
    schema[size] = (struct evf_option){ 0 };
    struct evf_plugin plugin = { EVF_PLUGIN_HEADER, .name = "measured", .version = "1.0.0",
                                 .options = schema, .handler = &handler };
    struct evf__instance_spec spec = { .address = "127.0.0.1:0", .descriptor = &plugin };
    char error[512];
    evf_instance *instance;
    if (evf__instance_create(&spec, &instance, error, sizeof error) != 0) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    measure(instance, names[0], "first", size);
    measure(instance, names[size - 1], "last", size);
    evf__instance_destroy(instance);
}

int main(int argc, char **argv)
{
    repetitions = measure_arguments(argc, argv, repetitions);
    measure_init();
    measure_schema(4);
    measure_schema(16);
    measure_schema(OPTIONS_MAX);
    return 0;
}
