/* SPDX-License-Identifier: MIT
 *
 * What workers do, made known to reports of crashes and broken rules.
 */
#ifndef EVF_SERVER_CRASH_H
#define EVF_SERVER_CRASH_H

/* From now on evf__facts_take tells of workers too. Any thread; again has no effect. */
void evf__server_know_facts(void);

#endif
