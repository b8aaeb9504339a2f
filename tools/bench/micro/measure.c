/* SPDX-License-Identifier: MIT
 *
 * Measuring; see measure.h. The counters are one group, so that they count the same time.
 */
#include "measure.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { COUNTERS = 4, REPETITIONS_MAX = 64, HUGE_PAGE = 2 << 20 };

#define DTLB_READ_MISS                                                                             \
    (PERF_COUNT_HW_CACHE_DTLB | PERF_COUNT_HW_CACHE_OP_READ << 8 |                                 \
     PERF_COUNT_HW_CACHE_RESULT_MISS << 16)

static struct {
    const char *name;
    uint32_t type;
    uint64_t config;
    int fd; /* -1: cannot be counted */
} counters[COUNTERS] = {
    { "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, -1 },
    { "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, -1 },
    { "cache_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, -1 },
    { "tlb_misses", PERF_TYPE_HW_CACHE, DTLB_READ_MISS, -1 },
};
static int group = -1;

/* What one repetition took. */
struct sample {
    uint64_t operations, ns;
    uint64_t counts[COUNTERS];
};

static struct sample samples[REPETITIONS_MAX + 1];
static unsigned repetitions;
static uint64_t began_ns;

uint64_t measure_now_ns(void)
{
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now); /* a program may have a clock of its own */
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

unsigned measure_arguments(int argc, char **argv, unsigned given)
{
    if (argc == 1)
        return given;
    int wanted = argc == 3 && strcmp(argv[1], "--repetitions") == 0 ? atoi(argv[2]) : 0;
    if (wanted < 1 || wanted > REPETITIONS_MAX) {
        fprintf(stderr, "usage: %s [--repetitions N]\n", argv[0]);
        exit(2);
    }
    return (unsigned)wanted;
}

void measure_init(void)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        struct perf_event_attr attr = {
            .size = sizeof attr,
            .type = counters[i].type,
            .config = counters[i].config,
            .disabled = group < 0,
            .exclude_kernel = 1,
            .exclude_hv = 1,
            .read_format = PERF_FORMAT_GROUP,
        };
        counters[i].fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, group, 0);
        if (group < 0)
            group = counters[i].fd;
    }
}

/* Adds what was counted since the last reset. */
static void add_counts(struct sample *sample)
{
    uint64_t values[1 + COUNTERS], *value = values + 1;
    if (group < 0 || read(group, values, sizeof values) < 0)
        return;
    for (unsigned i = 0; i < COUNTERS; i++)
        if (counters[i].fd >= 0)
            sample->counts[i] += *value++;
}

void measure_begin(void)
{
    if (group >= 0) {
        ioctl(group, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
        ioctl(group, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
    }
    began_ns = measure_now_ns();
}

void measure_end(uint64_t operations)
{
    struct sample *sample = &samples[repetitions];
    sample->ns += measure_now_ns() - began_ns;
    sample->operations += operations;
    if (group >= 0)
        ioctl(group, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
    add_counts(sample);
}

void measure_repeat(void)
{
    if (repetitions < REPETITIONS_MAX)
        repetitions++;
    memset(&samples[repetitions], 0, sizeof samples[repetitions]);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* The median of a value per operation; counter -1 is the time. */
static double per_operation(int counter)
{
    double values[REPETITIONS_MAX];
    for (unsigned i = 0; i < repetitions; i++) {
        uint64_t total = counter < 0 ? samples[i].ns : samples[i].counts[counter];
        values[i] = (double)total / (double)samples[i].operations;
    }
    return median(values, repetitions);
}

void measure_print(const char *bench, const char *of, const char *operation, uint64_t size)
{
    if (repetitions == 0)
        return;
    printf("{\"bench\":\"%s\",", bench);
    if (of != NULL)
        printf("\"of\":\"%s\",", of);
    printf("\"operation\":\"%s\",\"size\":%llu,\"repetitions\":%u,\"ns\":%.2f", operation,
           (unsigned long long)size, repetitions, per_operation(-1));
    for (int i = 0; i < COUNTERS; i++)
        if (counters[i].fd >= 0)
            printf(",\"%s\":%.2f", counters[i].name, per_operation(i));
    printf("}\n");
    fflush(stdout);
    repetitions = 0;
    memset(samples, 0, sizeof samples);
}

uint32_t *shuffled(size_t size, uint64_t seed)
{
    uint32_t *order = memory_take(size * sizeof *order, 0);
    for (size_t i = 0; i < size; i++) {
        size_t other = mix(seed + i) % (i + 1);
        order[i] = order[other];
        order[other] = (uint32_t)i;
    }
    return order;
}

static size_t rounded(size_t size)
{
    return (size + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
}

void *memory_take(size_t size, int huge)
{
    void *memory = aligned_alloc(HUGE_PAGE, rounded(size));
    if (memory == NULL) {
        perror("memory");
        exit(1);
    }
    madvise(memory, rounded(size), huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    memset(memory, 0, rounded(size));
    return memory;
}

void memory_give(void *memory, size_t size)
{
    madvise(memory, rounded(size), MADV_DONTNEED);
    free(memory);
}
