/* SPDX-License-Identifier: MIT
 *
 * Media types by file name.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "http/mime.h"

static const char *type_of(const char *path)
{
    return http_mime_type(path, strlen(path));
}

Test(mime, knows_the_usual_endings_in_any_case)
{
    cr_assert_str_eq(type_of("index.html"), "text/html; charset=utf-8");
    cr_assert_str_eq(type_of("a/b.c/INDEX.HTML"), "text/html; charset=utf-8");
    cr_assert_str_eq(type_of("x.min.js"), "text/javascript; charset=utf-8");
    cr_assert_str_eq(type_of("x.png"), "image/png");
    cr_assert_str_eq(type_of("x.webmanifest"), "application/manifest+json");
    cr_assert_str_eq(type_of("x.tar.gz"), "application/gzip");
}

/* A table out of order would lose entries without a sound. */
Test(mime, finds_every_ending_that_a_site_has)
{
    static const char *const known[] = {
        "a.3gp", "a.7z",   "a.avif", "a.bmp",  "a.css",   "a.csv", "a.eot", "a.gif", "a.htm",
        "a.ico", "a.jpeg", "a.jpg",  "a.json", "a.md",    "a.mjs", "a.mp3", "a.mp4", "a.ogg",
        "a.otf", "a.pdf",  "a.rss",  "a.svg",  "a.tiff",  "a.ttf", "a.txt", "a.vtt", "a.wasm",
        "a.wav", "a.webm", "a.webp", "a.woff", "a.woff2", "a.xml", "a.yml", "a.zip", "a.zst",
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        cr_assert_str_neq(type_of(known[i]), "application/octet-stream", "%s", known[i]);
}

Test(mime, gives_bytes_for_what_it_does_not_know)
{
    static const char *const unknown[] = { "",      "file",      "a.html/file",
                                           "file.", "a.unknown", "a.averyverylongending",
                                           ".",     "html" };
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        cr_assert_str_eq(type_of(unknown[i]), "application/octet-stream", "%s", unknown[i]);
}
