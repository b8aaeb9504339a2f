#include "stream/connect.h"
#include "stream/opening.h"
void evf__outgoing_init(evf_worker *w)
{
    evf__list_init(&w->streams->outgoing);
}
void evf__outgoing_fini(evf_worker *w)
{
    (void)w;
}
void evf__outgoing_release(evf_stream *s)
{
    (void)s;
}
void evf__connect_step(evf_stream *s)
{
    (void)s;
}
void evf__connect_deadline(evf_stream *s)
{
    (void)s;
}
const char *evf__connect_name(const evf_stream *s, char *b, size_t n)
{
    (void)s;
    (void)n;
    return b;
}
