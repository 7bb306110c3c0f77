/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload.h - from one configuration to the next without an end.
 *
 * All or nothing: everything that can be wrong is tried before anything that
 * works is given up.  In this order:
 *   1. the new configuration is compared with the present one, and every
 *      handler that is new or has changed is made and checked;
 *   2. new handlers are opened;
 *   3. changed ones finish the batch in hand and close, then open anew; what
 *      comes meanwhile waits in the journal.  If one does not open, those before
 *      it and it itself go back to the present configuration;
 *   4. one transaction: numbers for new BMCs, new names, who is owed what from
 *      now on;
 *   5. BMCs are added, removed, connected afresh; removed handlers deliver what
 *      they can, and close; what they are still owed becomes dead letters;
 *      unchanged handlers re-open their files.
 *
 * The core's thread.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include "core/core.h"

typedef struct _Reload Reload;

/* A handler's worker has ended: perhaps the reload, or a removal, waits for it. */
void reload_on_handler_ended (Core *core);

/* Ipmid is about to end: what the reload has not opened is forgotten. */
void reload_cancel (Core *core);

#endif
