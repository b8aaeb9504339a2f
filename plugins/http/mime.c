/* SPDX-License-Identifier: MIT
 *
 * Media types: a table in the order of the endings, searched by halving.
 */
#include "mime.h"

#include "text.h"

enum { ENDING_MAX = 11 };

static const struct {
    char ending[ENDING_MAX + 1];
    const char *type;
} table[] = {
    { "3gp", "video/3gpp" },
    { "7z", "application/x-7z-compressed" },
    { "aac", "audio/aac" },
    { "apng", "image/apng" },
    { "atom", "application/atom+xml" },
    { "avi", "video/x-msvideo" },
    { "avif", "image/avif" },
    { "bmp", "image/bmp" },
    { "bz2", "application/x-bzip2" },
    { "c", "text/plain; charset=utf-8" },
    { "conf", "text/plain; charset=utf-8" },
    { "css", "text/css; charset=utf-8" },
    { "csv", "text/csv; charset=utf-8" },
    { "deb", "application/vnd.debian.binary-package" },
    { "doc", "application/msword" },
    { "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
    { "eot", "application/vnd.ms-fontobject" },
    { "epub", "application/epub+zip" },
    { "flac", "audio/flac" },
    { "gif", "image/gif" },
    { "gz", "application/gzip" },
    { "h", "text/plain; charset=utf-8" },
    { "htm", "text/html; charset=utf-8" },
    { "html", "text/html; charset=utf-8" },
    { "ico", "image/vnd.microsoft.icon" },
    { "ics", "text/calendar; charset=utf-8" },
    { "jar", "application/java-archive" },
    { "jpeg", "image/jpeg" },
    { "jpg", "image/jpeg" },
    { "js", "text/javascript; charset=utf-8" },
    { "json", "application/json" },
    { "jsonld", "application/ld+json" },
    { "jxl", "image/jxl" },
    { "log", "text/plain; charset=utf-8" },
    { "m3u8", "application/vnd.apple.mpegurl" },
    { "m4a", "audio/mp4" },
    { "m4v", "video/mp4" },
    { "map", "application/json" },
    { "md", "text/markdown; charset=utf-8" },
    { "mid", "audio/midi" },
    { "mjs", "text/javascript; charset=utf-8" },
    { "mkv", "video/matroska" },
    { "mov", "video/quicktime" },
    { "mp3", "audio/mpeg" },
    { "mp4", "video/mp4" },
    { "mpd", "application/dash+xml" },
    { "mpeg", "video/mpeg" },
    { "odp", "application/vnd.oasis.opendocument.presentation" },
    { "ods", "application/vnd.oasis.opendocument.spreadsheet" },
    { "odt", "application/vnd.oasis.opendocument.text" },
    { "oga", "audio/ogg" },
    { "ogg", "audio/ogg" },
    { "ogv", "video/ogg" },
    { "opus", "audio/ogg" },
    { "otf", "font/otf" },
    { "pdf", "application/pdf" },
    { "png", "image/png" },
    { "ppt", "application/vnd.ms-powerpoint" },
    { "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
    { "ps", "application/postscript" },
    { "rar", "application/vnd.rar" },
    { "rss", "application/rss+xml" },
    { "rtf", "application/rtf" },
    { "svg", "image/svg+xml" },
    { "tar", "application/x-tar" },
    { "tif", "image/tiff" },
    { "tiff", "image/tiff" },
    { "toml", "application/toml" },
    { "ts", "video/mp2t" },
    { "tsv", "text/tab-separated-values; charset=utf-8" },
    { "ttf", "font/ttf" },
    { "txt", "text/plain; charset=utf-8" },
    { "vtt", "text/vtt; charset=utf-8" },
    { "wasm", "application/wasm" },
    { "wav", "audio/wav" },
    { "weba", "audio/webm" },
    { "webm", "video/webm" },
    { "webmanifest", "application/manifest+json" },
    { "webp", "image/webp" },
    { "woff", "font/woff" },
    { "woff2", "font/woff2" },
    { "xhtml", "application/xhtml+xml" },
    { "xls", "application/vnd.ms-excel" },
    { "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
    { "xml", "application/xml" },
    { "xz", "application/x-xz" },
    { "yaml", "application/yaml" },
    { "yml", "application/yaml" },
    { "zip", "application/zip" },
    { "zst", "application/zstd" },
};

const char *http_mime_type(const char *path, size_t len)
{
    static const char unknown[] = "application/octet-stream";
    char ending[ENDING_MAX + 1];
    size_t dot = len;
    while (dot > 0 && path[dot - 1] != '.' && path[dot - 1] != '/')
        dot--;
    if (dot == 0 || path[dot - 1] == '/' || len - dot > ENDING_MAX)
        return unknown;
    for (size_t i = dot; i < len; i++)
        ending[i - dot] = http_lower(path[i]);
    ending[len - dot] = 0;

    size_t low = 0;
    size_t high = sizeof table / sizeof table[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(ending, table[middle].ending);
        if (order == 0)
            return table[middle].type;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return unknown;
}
