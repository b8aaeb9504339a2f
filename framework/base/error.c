/* SPDX-License-Identifier: MIT
 *
 * The texts of the status codes: evframe's own from EVF_ERRORS, the system's for negated errnos.
 *
 * Pure and free of locale: every text is a constant, so any thread may ask at any time.
 */
#include <string.h>

#include <evframe/base.h>

/* Linux keeps -4095 … -1 for negated errnos (IS_ERR); evframe's codes begin below. */
enum { ERRNO_MAX = 4095 };

const char *evf_strerror(int code)
{
    if (code >= 0)
        return "success";

    switch (code) {
#define TEXT(name, value, text)                                                                    \
    case name:                                                                                     \
        return text;
        EVF_ERRORS(TEXT)
#undef TEXT
    default:
        break;
    }

    /* Unlike strerror, this neither translates nor formats into a shared buffer. */
    const char *text = code >= -ERRNO_MAX ? strerrordesc_np(-code) : NULL;
    return text != NULL ? text : "unknown error";
}
