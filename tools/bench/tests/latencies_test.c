/* SPDX-License-Identifier: MIT
 *
 * The classes of load/latencies.h: in order, without gaps, none wider than 1/64 of its values; and
 * percentiles of known values. Exit status 0 when all holds.
 */
#include "../load/latencies.h"
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static struct latencies latencies;

int main(void)
{
    for (unsigned class = 0; class < LATENCY_CLASSES - 1; class ++) {
        uint64_t last = latency_of_class(class);
        CHECK(latency_class(last) == class);
        CHECK(latency_class(last + 1) == class + 1);
        CHECK(latency_of_class(class + 1) - last <= last / 64 + 1);
    }
    CHECK(latency_class(0) == 0);
    CHECK(latency_class(UINT64_MAX) == LATENCY_CLASSES - 1);
    CHECK(latency_of_class(LATENCY_CLASSES - 1) == UINT64_MAX);

    CHECK(latencies_us(&latencies, 0.99) == 0);
    for (uint64_t us = 1; us <= 1000; us++)
        latencies_add(&latencies, us * 1000);
    struct latencies few = { 0 };
    latencies_add(&few, 10);
    latencies_add(&few, 1000000);
    CHECK(latencies_us(&few, 0.50) == 0.010);
    CHECK(latencies_us(&few, 0.51) >= 1000);
    double p50 = latencies_us(&latencies, 0.50), p999 = latencies_us(&latencies, 0.999);
    CHECK(p50 >= 500 && p50 <= 508);
    CHECK(p999 >= 999 && p999 <= 1015);
    return 0;
}
