#include "stream/opening.h"
int evf__arrival_begin(evf_stream *s)
{
    (void)s;
    return 0;
}
void evf__arrival_step(evf_stream *s)
{
    (void)s;
}
void evf__arrival_deadline(evf_stream *s)
{
    (void)s;
}
void evf__arrival_give(evf_stream *s)
{
    (void)s;
}
