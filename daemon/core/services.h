/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * services.h - what one plugin offers by name, and another one uses.
 *
 * A service is a constant table of functions; only the two plugins know its
 * type.  Who offers it cannot take it away while somebody holds it, so whoever
 * looks one up holds it for as long as it calls through it, and no longer.
 *
 * Any thread, behind a lock of its own.  A member is whoever offers and looks
 * up: an IpmidHost.
 */
#ifndef SERVICES_H
#define SERVICES_H

#include <glib.h>

/* What a service is called: [a-z][a-z0-9.-]*, at most so many bytes. */
#define SERVICES_NAME_MAX 63u

typedef struct _Services Services;

Services *services_new (void);
/* When no member is left. */
void services_free (Services *services);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Services, services_free)

/* `table` stays the member's, and valid until services_withdraw() has returned.
 * Of several that offer the same, the first one counts; when it has withdrawn,
 * the next one does.  FALSE, and nothing is done: the name is none, or this
 * member offers it already. */
gboolean services_offer (Services *services, gconstpointer member, const char *name, gconstpointer table);

/* Nobody gets it any more; waits until nobody holds it.  Nothing if this member
 * does not offer it. */
void services_withdraw (Services *services, gconstpointer member, const char *name);

/* The table, held until services_release(); NULL: nobody offers it now.  A member
 * may hold it several times, and releases it as often. */
gconstpointer services_lookup (Services *services, gconstpointer member, const char *name);
void services_release (Services *services, gconstpointer member, const char *name);

/* The member whose offer somebody holds now; as long as that one is held, it is there.
 * NULL: nobody offers it. */
gconstpointer services_offerer (Services *services, const char *name);

/* A member is gone: what it has left, it neither holds nor offers.  TRUE if it has
 * left something, which is a mistake of its own. */
gboolean services_forget (Services *services, gconstpointer member);

#endif
