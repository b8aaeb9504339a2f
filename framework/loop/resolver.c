#include "loop/resolver.h"
#include "loop/worker.h"
int evf__resolver_init(evf_worker *w, const struct evf__resolver_settings *s)
{
    (void)w;
    (void)s;
    return 0;
}
void evf__resolver_fini(evf_worker *w)
{
    (void)w;
}
void evf__resolver_answer(evf_worker *w)
{
    (void)w;
}
bool evf__resolver_pending(const evf_worker *w)
{
    (void)w;
    return false;
}
