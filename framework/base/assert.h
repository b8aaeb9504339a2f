/* SPDX-License-Identifier: MIT
 *
 * Assertions, for programmer errors only; operating errors are handled.
 *
 *   EVF_ASSERT(condition)           stays in release builds; use it where the check is cheap
 *   EVF_RULE(condition, "the rule") the same for callers of the public API: names the rule broken
 *   EVF_DEBUG_ASSERT(condition)     in debug builds only (EVF_DEBUG_CHECKS)
 *
 * A failure prints one line to standard error and aborts. In a public function it names that
 * function.
 */
#ifndef EVF_BASE_ASSERT_H
#define EVF_BASE_ASSERT_H

/* Says what failed and aborts. Any thread. */
__attribute__((noreturn, cold)) void evf__assert_failed(const char *what, const char *file,
                                                        int line, const char *function);

/* Who knows more: gets the message, without "evframe: " and newline, before the process aborts. Set
 * once. */
typedef void evf__assert_hook(const char *text);
void evf__assert_set_hook(evf__assert_hook *fn);

#define EVF_RULE(condition, rule)                                                                  \
    (__builtin_expect(!(condition), 0)                                                             \
         ? evf__assert_failed(rule " [" #condition "]", __FILE__, __LINE__, __func__)              \
         : (void)0)

#define EVF_ASSERT(condition)                                                                      \
    (__builtin_expect(!(condition), 0)                                                             \
         ? evf__assert_failed(#condition, __FILE__, __LINE__, __func__)                            \
         : (void)0)

#if defined(EVF_DEBUG_CHECKS)
#define EVF_DEBUG_ASSERT(condition) EVF_ASSERT(condition)
#define EVF_DEBUG_RULE(condition, rule) EVF_RULE(condition, rule)
#else
#define EVF_DEBUG_ASSERT(condition) ((void)sizeof(condition))
#define EVF_DEBUG_RULE(condition, rule) ((void)sizeof(condition))
#endif

#endif
